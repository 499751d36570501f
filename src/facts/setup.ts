import { sh } from '../shell/script.ts';
import type { Facts, SetupFile } from './facts.ts';
import { fileLinesOf, linesOf, type Sections } from './sections.ts';

/**
 * Files by which somebody may have prepared the host before, as they stand, in one process: what loads and configures
 * modules, what binds devices, and what the Cloudpods installer brings. Of its host.conf, which has secrets, only lines that say
 * which devices its agent takes. The shell itself tells whether it is one that knows `==`.
 */
export const setupProbe = sh`
section setup-files
grep -aHs '' /etc/modprobe.d/*.conf /etc/modules-load.d/*.conf /etc/initramfs-tools/modules \\
  /etc/dracut.conf.d/*.conf /etc/driverctl.d/* /usr/bin/vfio-pci-override.sh \\
  /usr/lib/systemd/oc-hugetlb-reserve-pages.sh /usr/lib/systemd/system/oc-hugetlb-gigantic-pages.service \\
  /etc/systemd/system/sysinit.target.wants/oc-hugetlb-gigantic-pages.service
grep -aEHis '^[^[:alnum:]#[:space:]]?(disable[_-]?(gpu|custom[_-]?device)|use[_-]?boot[_-]?vga|boot[_-]?vga[_-]?pci[_-]?addr)[^[:alnum:]]?[[:space:]]*:' \\
  /etc/yunion/host.conf
section setup-shell
if ( [ a == a ] ) 2>/dev/null; then echo equal; else echo unequal; fi
`;

/** `driverctl` names a file after the device: `pci-0000:03:00.0`. */
const path = /^(?:\/etc\/driverctl\.d\/.*[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]|(?!\/etc\/driverctl\.d\/)[^:]+)$/;

/** `null` where the probe did not look: facts that were captured by an older one. */
export function parseSetup(sections: Sections): Facts['setup'] {
  if (!sections.has('setup-files')) return null;
  const files = new Map<string, string[]>();
  for (const { path: name, text } of fileLinesOf(sections, 'setup-files', path)) {
    files.set(name, [...(files.get(name) ?? []), text]);
  }
  const found = [...files].map(([name, lines]): SetupFile => ({ path: name, lines }));
  return { files: found, doubleEquals: linesOf(sections, 'setup-shell')[0] === 'equal' };
}

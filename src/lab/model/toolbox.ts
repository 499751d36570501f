import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineSettings } from '../machine.ts';
import { toolsFolder } from '../machine-kind.ts';
import { isSuse } from './boot-images.ts';
import type { Disk } from './disk.ts';
import { enterpriseGrub } from './grub-flavour.ts';
import { modelFolder } from './journal.ts';
import { below, type Entry, file, type Layout, merge } from './layout.ts';

/** A stand-in tool: its script, and where a machine has it. */
interface Tool {
  readonly script: string;
  readonly at: readonly string[];
}

/** Tools that every machine has. */
const common: readonly Tool[] = [
  ...[
    'uname',
    'hostname',
    'getconf',
    'lsmod',
    'dmesg',
    'journalctl',
    'systemctl',
    'systemd-inhibit',
    'systemd-run',
    'findmnt',
    'mount',
    'pgrep',
    'ps',
    'nproc',
  ].map((script) => ({ script, at: [`/usr/bin/${script}`] })),
  { script: 'lspci', at: ['/usr/bin/lspci', '/usr/sbin/lspci'] },
  { script: 'udevadm', at: ['/usr/bin/udevadm'] },
  { script: 'modprobe', at: ['/usr/sbin/modprobe'] },
  { script: 'ip', at: ['/usr/sbin/ip'] },
  { script: 'modinfo', at: ['/usr/sbin/modinfo'] },
  // One program with several names (systemctl of systemd).
  { script: 'power', at: ['/usr/sbin/reboot', '/usr/sbin/poweroff', '/usr/sbin/halt', '/usr/sbin/shutdown'] },
];

const debian: readonly Tool[] = [
  { script: 'grub-mkconfig', at: ['/usr/sbin/grub-mkconfig'] },
  { script: 'update-grub', at: ['/usr/sbin/update-grub'] },
  { script: 'grub-editenv', at: ['/usr/bin/grub-editenv'] },
  { script: 'grub-script-check', at: ['/usr/bin/grub-script-check'] },
  { script: 'grub-set-entry', at: ['/usr/sbin/grub-reboot', '/usr/sbin/grub-set-default'] },
  { script: 'grub-probe', at: ['/usr/sbin/grub-probe'] },
  { script: 'lsb_release', at: ['/usr/bin/lsb_release'] },
];

const redhat: readonly Tool[] = [
  { script: 'grub-mkconfig', at: ['/usr/sbin/grub2-mkconfig'] },
  { script: 'grub-editenv', at: ['/usr/bin/grub2-editenv'] },
  { script: 'grub-script-check', at: ['/usr/bin/grub2-script-check'] },
  { script: 'grub-set-entry', at: ['/usr/sbin/grub2-reboot', '/usr/sbin/grub2-set-default'] },
  { script: 'grub-probe', at: ['/usr/sbin/grub2-probe'] },
];

/** Since Enterprise Linux 8, whether or not GRUB reads boot entries. */
const enterprise: readonly Tool[] = [{ script: 'grubby', at: ['/usr/sbin/grubby'] }];

/** The parts that grub-mkconfig runs, in /etc/grub.d; Debian's other ones, and the one that came with 2.12; those of Red Hat. */
const grubParts = ['00_header', '10_linux', '40_custom', '41_custom'];
const debianParts = ['05_debian_theme', '20_linux_xen', '30_os-prober', '30_uefi-firmware'];
const newParts = ['25_bli'];
const enterpriseParts = [
  ...['01_users', '08_fallback_counting', '10_reset_boot_success', '12_menu_auto_hide'],
  ...['20_linux_xen', '20_ppc_terminfo', '30_os-prober', '30_uefi-firmware'],
];

/** A machine that boots by systemd-boot alone has none. */
function grubTools({ boot, initramfs }: MachineSettings): readonly Tool[] {
  if (boot.loader === 'systemd-boot') return [];
  return initramfs === 'initramfs-tools' ? debian : redhat;
}

function grubPartsOf({ boot, distribution, tools }: MachineSettings): readonly string[] {
  if (boot.loader === 'systemd-boot') return [];
  const redHat = enterpriseGrub(tools.grub);
  if (redHat !== null)
    return [...grubParts, ...enterpriseParts, ...(redHat.version === 8 ? [] : ['14_menu_show_once'])];
  if (isSuse(distribution.id)) return [...grubParts, '20_linux_xen', '30_os-prober', '30_uefi-firmware'];
  if (distribution.id !== 'debian') return grubParts;
  return [...grubParts, ...debianParts, ...(tools.grub.startsWith('2.06') ? [] : newParts)];
}

/** What hooks of initramfs-tools read. */
const hookFunctions: Tool = { script: 'hook-functions', at: ['/usr/share/initramfs-tools/hook-functions'] };

/** The stand-in tools of a machine, with their common part. A program of the same name that is there already gives way. */
export async function toolboxLayout(settings: MachineSettings): Promise<Layout> {
  const tools = [
    ...common,
    ...grubTools(settings),
    ...(enterpriseGrub(settings.tools.grub) === null ? [] : enterprise),
    {
      script: settings.initramfs === 'dracut' ? 'dracut' : 'update-initramfs',
      at: [settings.initramfs === 'dracut' ? '/usr/bin/dracut' : '/usr/sbin/update-initramfs'],
    },
    ...(settings.initramfs === 'dracut' ? [] : [hookFunctions]),
    ...(settings.firmware.kind === 'uefi' ? [{ script: 'mokutil', at: ['/usr/bin/mokutil'] }] : []),
  ];
  const script = async (name: string): Promise<Entry> => file(await readFile(join(toolsFolder, name), 'utf8'), 0o755);
  const placed = await Promise.all(
    tools.map(async ({ script: name, at }) => {
      const entry = await script(name);
      return new Map(at.map((path) => [path, entry]));
    }),
  );
  const parts = await Promise.all(
    grubPartsOf(settings).map(async (name): Promise<[string, Entry]> => [name, await script(`grub.d/${name}`)]),
  );
  const shared = await Promise.all(
    ['lib.sh', 'write-initramfs', 'load-modules', 'run-unit', 'grub-bls-menu'].map(
      async (name): Promise<[string, Entry]> => [name, await script(name)],
    ),
  );
  return merge([
    ...placed,
    below('/etc/grub.d', Object.fromEntries(parts)),
    below(modelFolder, Object.fromEntries(shared)),
  ]);
}

const mergedFolders = ['bin', 'sbin', 'lib', 'lib64'];

/** `/bin`, `/sbin`, `/lib` as links into `/usr`, where the tree does not have them in some form already. */
export function mergedFoldersLayout(disk: Disk): Layout {
  const missing = mergedFolders.filter((name) => !disk.isFolder(`/${name}`));
  return new Map(missing.map((name): [string, Entry] => [`/${name}`, { kind: 'link', target: `usr/${name}` }]));
}

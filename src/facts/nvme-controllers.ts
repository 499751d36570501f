import { sh } from '../shell/script.ts';
import type { NvmeController } from './hardware.ts';
import type { Sections } from './sections.ts';
import { attributesOf, namesOf, pairsOf, pciAbove, said } from './sysfs.ts';

export const nvmeProbe = sh`
section hardware-nvme
[ -d /sys/class/nvme ] && (cd /sys/class/nvme && grep -aHs . */serial */model)
section hardware-nvme-paths
[ -d /sys/class/nvme ] && (
  cd /sys/class/nvme && ls -ld * 2>/dev/null | sed -n 's#^.* \\([^ ]*\\) -> \\([^ ]*\\)$#\\1 \\2#p'
)
section hardware-nvme-namespaces
printf '%s\\n' /sys/class/nvme/*/nvme* /sys/class/nvme-subsystem/*/nvme*
`;

/** Controllers on the PCI bus, by name. Those of a fabric belong to no device. */
export function parseNvme(sections: Sections): readonly NvmeController[] {
  const attributes = attributesOf(sections, 'hardware-nvme', /nvme\d+/);
  const below = belowOf(namesOf(sections, 'hardware-nvme-namespaces'));
  return [...pairsOf(sections, 'hardware-nvme-paths')]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .flatMap(([name, path]) => {
      const pci = pciAbove(path);
      if (pci === null || !/^nvme\d{1,9}$/.test(name)) return [];
      const values = attributes.get(name);
      return [
        {
          name,
          pci,
          serial: said(values?.get('serial')),
          model: said(values?.get('model')),
          namespaces: namespacesOf(name, below),
        },
      ];
    });
}

/** What stands below a controller or a subsystem, by that one's name. */
function belowOf(lines: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const line of lines) {
    const [, owner, child] = /^\/sys\/class\/nvme(?:-subsystem)?\/([^/]+)\/(nvme[0-9cn]+)$/.exec(line) ?? [];
    if (owner === undefined || child === undefined) continue;
    found.set(owner, [...(found.get(owner) ?? []), child]);
  }
  return found;
}

/**
 * With native multipath the kernel hides a controller's own disk, `nvme0c1n1`, and shows one of the subsystem, `nvme0n1`, whose
 * first number is the subsystem's and not the controller's (`nvme_mpath_set_disk_name()` of drivers/nvme/host). Where the
 * hidden ones are not shown, what the subsystem of the controller has counts.
 */
function namespacesOf(controller: string, below: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const isDisk = (name: string) => /^nvme\d+n\d+$/.test(name);
  const own = (below.get(controller) ?? []).flatMap((name) => {
    const [, subsystem, namespace] = /^nvme(\d+)c\d+n(\d+)$/.exec(name) ?? [];
    return subsystem === undefined ? (isDisk(name) ? [name] : []) : [`nvme${subsystem}n${namespace}`];
  });
  const shared = [...below].flatMap(([owner, children]) =>
    owner.startsWith('nvme-subsys') && children.includes(controller) ? children.filter(isDisk) : [],
  );
  return [...new Set(own.length > 0 ? own : shared)].sort();
}

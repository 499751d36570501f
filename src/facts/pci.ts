import { sh } from '../shell/script.ts';
import type { Facts, IommuGroup, PciDevice } from './facts.ts';
import { fileLinesOf, linesOf, type Sections } from './sections.ts';

/**
 * Three processes for any number of devices. What stands for "nothing" (`-1`, `(null)`) is not sent. The IOMMU group of a
 * device is known from the groups.
 */
export const pciProbe = sh`
section pci
[ -d /sys/bus/pci/devices ] && (
  cd /sys/bus/pci/devices
  grep -Hs '^[^(-]' */class */vendor */device */numa_node */boot_vga */driver_override
)
section pci-drivers
[ -d /sys/bus/pci/devices ] && (
  cd /sys/bus/pci/devices && ls -ld */driver 2>/dev/null | sed -n 's#^.* \\([^ ]*\\)/driver -> .*/\\([^/]*\\)$#\\1 \\2#p'
)
`;

const attribute = /^([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\/(\w+)$/;

/** PCI devices by address. One that has no class or ids is left out: it vanished while it was read. */
export function parsePci(sections: Sections, groups: readonly IommuGroup[]): Facts['pci'] {
  const devices = new Map<string, Map<string, string>>();
  for (const { path, text } of fileLinesOf(sections, 'pci', attribute)) {
    const [, address = '', name = ''] = attribute.exec(path) ?? [];
    const values = devices.get(address) ?? new Map<string, string>();
    devices.set(address, values.set(name, text.trim()));
  }
  const drivers = driversOf(linesOf(sections, 'pci-drivers'));
  const groupOf = new Map(groups.flatMap(({ id, devices: members }) => members.map((address) => [address, id])));
  return [...devices]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([address, values]) => deviceOf(address, values, drivers.get(address), groupOf.get(address)));
}

function deviceOf(
  address: string,
  values: ReadonlyMap<string, string>,
  driver: string | undefined,
  group: number | undefined,
): readonly PciDevice[] {
  const code = hex(values.get('class'), 6);
  const vendor = hex(values.get('vendor'), 4);
  const device = hex(values.get('device'), 4);
  if (code === null || vendor === null || device === null) return [];
  const override = values.get('driver_override') ?? '';
  const node = values.get('numa_node') ?? '';
  return [
    {
      address,
      class: code,
      vendor,
      device,
      driver: driver ?? null,
      driverOverride: override === '' || override === '(null)' ? null : override,
      iommuGroup: group ?? null,
      numaNode: /^\d{1,6}$/.test(node) ? Number(node) : null,
      bootVga: values.get('boot_vga') === '1',
    },
  ];
}

/** The targets of the links, from `ls -l`: that takes many names everywhere, other than `readlink`. */
function driversOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const links = lines.flatMap((line) => {
    const [, address, driver] = /^(\S+) (\S+)$/.exec(line) ?? [];
    return address === undefined || driver === undefined ? [] : ([[address, driver]] as const);
  });
  return new Map(links);
}

function hex(text: string | undefined, digits: number): string | null {
  const found = /^0x([0-9a-f]+)$/i.exec(text ?? '')?.[1]?.toLowerCase();
  return found !== undefined && found.length === digits ? found : null;
}

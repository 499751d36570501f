import { sh } from '../shell/script.ts';
import type { HardwareFacts, PciDetail } from './hardware.ts';
import { fileLinesOf, integer, type Sections } from './sections.ts';
import { attributesOf, hexDigits, namesOf, pairsOf, pciAddress, pciName } from './sysfs.ts';

/**
 * What the bus tells of each device beside class and driver. The real path shows the bridges above it. Nothing here touches
 * the device: attributes that read its configuration space or wake it up (`config`, `vpd`, `current_link_speed`) are left alone.
 */
export const pciDetailsProbe = sh`
section hardware-pci
[ -d /sys/bus/pci/devices ] && (
  cd /sys/bus/pci/devices
  grep -aHs . */subsystem_vendor */subsystem_device */revision */reset_method \\
    */sriov_totalvfs */sriov_numvfs */sriov_drivers_autoprobe
)
section hardware-pci-paths
[ -d /sys/bus/pci/devices ] && (
  cd /sys/bus/pci/devices && ls -ld * */physfn 2>/dev/null | sed -n 's#^.* \\([^ ]*\\) -> \\([^ ]*\\)$#\\1 \\2#p'
)
section hardware-pci-resets
[ -d /sys/bus/pci/devices ] && (cd /sys/bus/pci/devices && printf '%s\\n' */reset)
section hardware-pci-slots
grep -aHs . /sys/bus/pci/slots/*/address
`;

const slotFile = /^\/sys\/bus\/pci\/slots\/.+\/address$/;

/** Details by address, of every device that has a place in `/sys/devices`. */
export function parsePciDetails(sections: Sections): HardwareFacts['pci'] {
  const attributes = attributesOf(sections, 'hardware-pci', pciName);
  const paths = pairsOf(sections, 'hardware-pci-paths');
  const resets = new Set(namesOf(sections, 'hardware-pci-resets'));
  const slots = slotsOf(sections);
  const details = [...paths]
    .filter(([address]) => pciAddress.test(address))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([address, path]): [string, PciDetail] => {
      const values = attributes.get(address) ?? new Map<string, string>();
      const methods = values.get('reset_method')?.split(/\s+/).filter(Boolean) ?? [];
      return [
        address,
        {
          subsystem: subsystemOf(values),
          revision: hexDigits(values.get('revision'), 2),
          parent: parentOf(path),
          physicalFunction: functionOf(paths.get(`${address}/physfn`)),
          sriov: sriovOf(values),
          resets: methods.length > 0 ? methods : resets.has(`${address}/reset`) ? ['reset'] : [],
          slot: slots.get(address.slice(0, -2)) ?? null,
        },
      ];
    });
  return Object.fromEntries(details);
}

/** All zeros: bridges, and devices whose maker left it out. */
function subsystemOf(values: ReadonlyMap<string, string>): string | null {
  const vendor = hexDigits(values.get('subsystem_vendor'), 4);
  const device = hexDigits(values.get('subsystem_device'), 4);
  return vendor === null || device === null || `${vendor}${device}` === '00000000' ? null : `${vendor}:${device}`;
}

/**
 * The part of the path right above the device, when it is a device itself. A root bus that stands below a device is one that a VMD
 * controller has made (`…/0000:d7:05.5/pci10001:00/10001:00:00.0`, drivers/pci/controller/vmd.c): then it is that one.
 */
function parentOf(path: string): string | null {
  const [above = '', over = ''] = path.split('/').slice(0, -1).reverse();
  const parent = /^pci[0-9a-f]{5,8}:/.test(above) ? over : above;
  return pciAddress.test(parent) ? parent : null;
}

function functionOf(path: string | undefined): string | null {
  const name = path?.split('/').at(-1) ?? '';
  return pciAddress.test(name) ? name : null;
}

/** A total of zero is what a driver sets that offers none (`pci_sriov_set_totalvfs()` of drivers/pci/iov.c). */
function sriovOf(values: ReadonlyMap<string, string>): PciDetail['sriov'] {
  const total = integer(values.get('sriov_totalvfs'));
  if (total === null || total <= 0) return null;
  const autoprobe = values.get('sriov_drivers_autoprobe');
  return {
    total,
    active: integer(values.get('sriov_numvfs')) ?? 0,
    autoprobe: autoprobe === '1' ? true : autoprobe === '0' ? false : null,
  };
}

/** Name of the slot by address without function; the first by name where firmware has two for one. */
function slotsOf(sections: Sections): ReadonlyMap<string, string> {
  const slots = fileLinesOf(sections, 'hardware-pci-slots', slotFile)
    .map(({ path, text }): [string, string] => [text.trim(), path.split('/').at(-2) ?? ''])
    .sort(([, a], [, b]) => (a < b ? 1 : -1));
  return new Map(slots);
}

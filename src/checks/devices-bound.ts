import { parseArguments, sameName } from '../boot/arguments.ts';
import { VfleetError } from '../errors.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { sh } from '../shell/script.ts';
import type { Check } from './check.ts';
import { check, type Judgement } from './verdict.ts';

/** Addresses (`0000:03:00.0`, or `03:00.0` in domain 0), ids (`10de:1b06`: every device that has them), or a test. */
export type DeviceSelector = readonly string[] | ((device: PciDevice, facts: Facts) => boolean);

export interface DevicesBoundOptions {
  /**
   * Whether something must keep the binding over a reboot: `driver_override`, or `vfio-pci.ids=` on the command line. False
   * where an agent binds the devices at each start, or `options vfio-pci ids=` stands in modprobe.d. Default: true.
   */
  readonly persistent?: boolean;
}

/**
 * Whether devices are held by vfio-pci, and whether the whole IOMMU group of each is fit to be passed: VFIO takes a group
 * only when every endpoint of it has vfio-pci, pci-stub or no driver (`vfio_dev_viable` in drivers/vfio). Bridges do
 * not count. Errors: `check.devices` for a text that is neither address nor id.
 */
export function devicesBound(devices: DeviceSelector = [], options: DevicesBoundOptions = {}): Check {
  const selector = typeof devices === 'function' ? devices : devices.map(parseSelector);
  const { persistent = true } = options;
  return check(
    {
      id: 'devices-bound',
      title: 'Are the devices held by vfio-pci?',
      evidence: (facts) => evidenceOf(select(facts, selector).devices),
    },
    ({ facts }) => judgeDevices(facts, selector, persistent),
  );
}

type Selector = readonly Wanted[] | ((device: PciDevice, facts: Facts) => boolean);
interface Wanted {
  readonly text: string;
  matches(device: PciDevice): boolean;
}

function parseSelector(text: string): Wanted {
  const wanted = text.trim().toLowerCase();
  if (/^(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(wanted)) {
    const address = wanted.split(':').length === 3 ? wanted : `0000:${wanted}`;
    return { text, matches: (device) => device.address === address };
  }
  if (/^[0-9a-f]{4}:[0-9a-f]{4}$/.test(wanted)) {
    return { text, matches: (device) => `${device.vendor}:${device.device}` === wanted };
  }
  throw new VfleetError({
    code: 'check.devices',
    thing: 'checks.devicesBound',
    expected: 'a PCI address such as 0000:03:00.0, or ids such as 10de:1b06',
    found: JSON.stringify(text),
    next: 'see `vfleet facts` for the devices of a host',
  });
}

function select(facts: Facts, selector: Selector): { devices: readonly PciDevice[]; nowhere: readonly string[] } {
  if (typeof selector === 'function') return { devices: facts.pci.filter((d) => selector(d, facts)), nowhere: [] };
  return {
    devices: facts.pci.filter((device) => selector.some((wanted) => wanted.matches(device))),
    nowhere: selector.filter((wanted) => !facts.pci.some((d) => wanted.matches(d))).map((wanted) => wanted.text),
  };
}

function judgeDevices(facts: Facts, selector: Selector, persistent: boolean): Judgement {
  const { devices, nowhere } = select(facts, selector);
  if (devices.length + nowhere.length === 0) {
    return { outcome: 'not-applicable', found: 'No devices are named for this host.' };
  }
  const evidence = devices.flatMap((device) => [device, ...mates(facts, device)]).map(deviceLine);
  const problems = [
    ...nowhere.map((text) => ({ found: `${text} is not on this host`, remedy: 'see `vfleet facts` for its devices' })),
    ...devices.flatMap((device) => problemOf(facts, device, persistent)),
  ];
  if (problems.length === 0) {
    const all = devices.map((device) => device.address).join(', ');
    return {
      outcome: 'pass',
      found: `Held by vfio-pci, with their whole IOMMU groups: ${all}.`,
      evidence: unique(evidence),
    };
  }
  return {
    outcome: 'fail',
    found: `${problems.map((problem) => problem.found).join('; ')}.`,
    evidence: unique(evidence),
    remedy: unique(problems.map((problem) => problem.remedy)).join('; '),
  };
}

interface Problem {
  readonly found: string;
  readonly remedy: string;
}

function problemOf(facts: Facts, device: PciDevice, persistent: boolean): readonly Problem[] {
  const { address, driver } = device;
  if (driver !== 'vfio-pci') {
    const found = driver === null ? `${address} has no driver` : `${address} is held by ${driver}`;
    return [{ found, remedy: `bind it: driverctl set-override ${address} vfio-pci` }];
  }
  if (device.iommuGroup === null) {
    return [
      { found: `${address} is in no IOMMU group`, remedy: 'turn the IOMMU on first: see the check iommu-active' },
    ];
  }
  const bad = mates(facts, device).filter((mate) => !isHarmless(mate));
  if (bad.length > 0) {
    const list = bad.map((mate) => `${mate.address} (${mate.driver})`).join(', ');
    const remedy = 'bind the whole group to vfio-pci, or use another slot, or turn ACS on in the BIOS';
    return [{ found: `group ${device.iommuGroup} of ${address} is not viable: ${list}`, remedy }];
  }
  if (!persistent || isKept(facts, device)) return [];
  const remedy = `keep it by address: driverctl set-override ${address} vfio-pci (where an agent or modprobe.d binds it: { persistent: false })`;
  return [{ found: `nothing keeps ${address} on vfio-pci over a reboot`, remedy }];
}

/** The other endpoints of its group; class 06 is bridges. */
function mates(facts: Facts, device: PciDevice): readonly PciDevice[] {
  if (device.iommuGroup === null) return [];
  return facts.pci.filter(
    (other) =>
      other.iommuGroup === device.iommuGroup && other.address !== device.address && !other.class.startsWith('06'),
  );
}

function isHarmless(device: PciDevice): boolean {
  return device.driver === null || device.driver === 'vfio-pci' || device.driver === 'pci-stub';
}

function isKept(facts: Facts, device: PciDevice): boolean {
  if (device.driverOverride === 'vfio-pci') return true;
  const ids = parseArguments(facts.boot.running).findLast((argument) => sameName(argument.name, 'vfio-pci.ids'));
  const wanted = `${device.vendor}:${device.device}`;
  return (ids?.value ?? '')
    .toLowerCase()
    .split(',')
    .some((id) => id === wanted || id.startsWith(`${wanted}:`));
}

function deviceLine(device: PciDevice): string {
  const group = device.iommuGroup === null ? 'no group' : `group ${device.iommuGroup}`;
  const override = device.driverOverride === null ? '' : `, driver_override ${device.driverOverride}`;
  return `${device.address} [${device.vendor}:${device.device}] class ${device.class}, ${group}, driver ${device.driver ?? 'none'}${override}`;
}

function evidenceOf(devices: readonly PciDevice[]) {
  const addresses = devices.slice(0, 16).map((device) => device.address);
  return sh`
for address in ${addresses}; do
  echo "$ lspci -nnk -s $address"
  LC_ALL=C lspci -nnk -s "$address" 2>&1
done
echo '$ ls /dev/vfio'
ls /dev/vfio 2>&1
`;
}

function unique(lines: readonly string[]): readonly string[] {
  return [...new Set(lines)];
}

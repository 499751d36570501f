import { parseArguments, sameName } from '../boot/arguments.ts';
import { findDevices } from '../devices/find.ts';
import type { DeviceSelector } from '../devices/selector.ts';
import { parseSelectors, selectorText } from '../devices/selectors.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { bindRemedy } from './bind-remedy.ts';
import { boundLog } from './bound-log.ts';
import type { Check } from './check.ts';
import { deviceEvidence, deviceLine } from './devices-evidence.ts';
import { groupMates, groupProblem, type Problem } from './group-problem.ts';
import { check, type Judgement } from './verdict.ts';

/** Selectors, as objects or as texts (`0000:03:00.0`, `10de:1b06`: see `DeviceSelector`), or a test. */
export type BoundDevices = readonly (string | DeviceSelector)[] | ((device: PciDevice, facts: Facts) => boolean);

export interface DevicesBoundOptions {
  /**
   * Whether something must keep the binding over a reboot: `driver_override`, or `vfio-pci.ids=` on the command line. False
   * where an agent binds the devices at each start, or `options vfio-pci ids=` stands in modprobe.d. Default: true.
   */
  readonly persistent?: boolean;
}

/**
 * Whether devices are held by vfio-pci, and whether the whole IOMMU group of each is fit to be passed: VFIO takes a group
 * only when every endpoint of it has vfio-pci, pci-stub or no driver, and looks away from bridges to other buses alone
 * (`vfio_dev_viable()` and `vfio_dev_driver_allowed()` in drivers/vfio). Errors: `device.selector` for a text that names nothing.
 */
export function devicesBound(devices: BoundDevices = [], options: DevicesBoundOptions = {}): Check {
  const selector = typeof devices === 'function' ? devices : parseSelectors(devices, 'checks.devicesBound');
  const { persistent = true } = options;
  return check(
    {
      id: 'devices-bound',
      title: 'Are the devices held by vfio-pci?',
      evidence: (facts) => deviceEvidence(select(facts, selector).devices),
    },
    ({ facts }) => judgeDevices(facts, selector, persistent),
  );
}

type Selector = readonly DeviceSelector[] | ((device: PciDevice, facts: Facts) => boolean);

function select(
  facts: Facts,
  selector: Selector,
): { readonly devices: readonly PciDevice[]; readonly faults: readonly Problem[] } {
  if (typeof selector === 'function') return { devices: facts.pci.filter((d) => selector(d, facts)), faults: [] };
  const found = selector.map((wanted) => ({ wanted, found: findDevices(facts, wanted) }));
  const chosen = new Set(found.flatMap((one) => ('devices' in one.found ? one.found.devices : [])));
  return {
    devices: facts.pci.filter((device) => chosen.has(device)),
    faults: found.flatMap((one) => {
      if ('devices' in one.found) return [];
      const { code, expected, found: instead, next } = one.found.fault;
      const name = selectorText(one.wanted);
      const why = code === 'device.none' ? ' is not on this host' : `: expected ${expected}, found ${instead}`;
      return [{ found: `${name}${why}`, remedy: next }];
    }),
  };
}

function judgeDevices(facts: Facts, selector: Selector, persistent: boolean): Judgement {
  const { devices, faults } = select(facts, selector);
  if (devices.length + faults.length === 0) {
    return { outcome: 'not-applicable', found: 'No devices are named for this host.' };
  }
  const all = devices.flatMap((device) => [device, ...groupMates(facts, device)]);
  const addresses = all.map(({ address }) => address);
  const problems = [...faults, ...devices.flatMap((device) => problemOf(facts, device, persistent))];
  const logged = boundLog(facts, addresses, problems.length === 0);
  const evidence = unique([...all.map(deviceLine), ...logged.lines]);
  if (problems.length === 0) {
    const held = devices.map((device) => device.address).join(', ');
    const notes = logged.remedies.map((remedy) => `note: no guest may start with it: ${remedy}`);
    const found = `Held by vfio-pci, with their whole IOMMU groups: ${held}.`;
    return { outcome: 'pass', found, evidence: [...evidence, ...notes] };
  }
  return {
    outcome: 'fail',
    found: `${problems.map((problem) => problem.found).join('; ')}.`,
    evidence,
    remedy: unique([...logged.remedies, ...problems.map((problem) => problem.remedy)]).join('; '),
  };
}

function problemOf(facts: Facts, device: PciDevice, persistent: boolean): readonly Problem[] {
  const { address, driver } = device;
  if (driver !== 'vfio-pci') {
    const found = driver === null ? `${address} has no driver` : `${address} is held by ${driver}`;
    return [{ found, remedy: `bind it: ${bindRemedy(facts, device)}` }];
  }
  const group = groupProblem(facts, device, 'bind the whole group to vfio-pci, or use');
  if (group !== null) return [group];
  if (!persistent || isKept(facts, device)) return [];
  const remedy = `keep it by address: ${bindRemedy(facts, device)} (where an agent or modprobe.d binds it: { persistent: false })`;
  return [{ found: `nothing keeps ${address} on vfio-pci over a reboot`, remedy }];
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

function unique(lines: readonly string[]): readonly string[] {
  return [...new Set(lines)];
}

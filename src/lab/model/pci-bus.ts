import type { MachinePciDevice } from '../machine.ts';
import { fits, type Offer, refusalOf } from './pci-match.ts';
import type { Running } from './running.ts';
import { functionAddress, virtualFunctions } from './virtual-functions.ts';

/** What a write to the PCI bus in sysfs comes to. */
export interface Turn {
  readonly running: Running;
  /** Lines of the kernel log. */
  readonly log: readonly string[];
  /** Addresses of devices that are new: udev hears of them. */
  readonly added: readonly string[];
}

const nothing = (running: Running, ...log: readonly string[]): Turn => ({ running, log, added: [] });

/** One after the other. */
export function chain(running: Running, steps: readonly ((running: Running) => Turn)[]): Turn {
  let turn = nothing(running);
  for (const step of steps) {
    const next = step(turn.running);
    turn = { running: next.running, log: [...turn.log, ...next.log], added: [...turn.added, ...next.added] };
  }
  return turn;
}

/** `drivers_probe`: the drivers are asked in the order of their registration. */
export function probe(running: Running, address: string): Turn {
  const device = deviceAt(running, address);
  if (device === null) return nothing(running, refused('drivers_probe', address, 'ENODEV'));
  if (running.modules.bound.has(address) || !mayProbe(running, address)) return nothing(running);
  const log: string[] = [];
  for (const driver of running.modules.drivers) {
    const offer = offerOf(running, device, driver);
    if (!fits(offer)) continue;
    const error = refusalOf(offer);
    if (error === null) return nothing(withDriver(running, address, driver), ...log);
    log.push(`${driver}: probe of ${address} failed with error ${error}`);
  }
  return nothing(running, ...log);
}

/** `bind` of a driver: only what matches it, as `bind_store()` of drivers/base/bus.c. */
export function bind(running: Running, driver: string, address: string): Turn {
  const device = deviceAt(running, address);
  const offer = device === null ? null : offerOf(running, device, driver);
  if (offer === null || !fits(offer)) return nothing(running, refused(`${driver}/bind`, address, 'ENODEV'));
  if (running.modules.bound.has(address)) return nothing(running, refused(`${driver}/bind`, address, 'EBUSY'));
  const error = refusalOf(offer);
  if (error !== null) return nothing(running, `${driver}: probe of ${address} failed with error ${error}`);
  return nothing(withDriver(running, address, driver));
}

/** `unbind` of a driver. That of a physical function takes its virtual ones away, as those of igb, ixgbe, i40e, ice, mlx5_core do. */
export function unbind(running: Running, driver: string, address: string): Turn {
  if (running.modules.bound.get(address) !== driver)
    return nothing(running, refused(`${driver}/unbind`, address, 'ENODEV'));
  const without = (now: Running) => nothing(withDriver(now, address, null));
  const count = running.functions.get(address) ?? 0;
  return count === 0 ? without(running) : chain(running, [(now) => remove(now, address), without]);
}

/** `driver_override`: an empty line takes it away. */
export function override(running: Running, address: string, text: string): Turn {
  const overrides = new Map(running.modules.overrides);
  if (text === '') overrides.delete(address);
  else overrides.set(address, text);
  return nothing({ ...running, modules: { ...running.modules, overrides } });
}

/** `new_id` of a driver, which then asks for all devices that nobody has. */
export function newId(running: Running, driver: string, text: string): Turn {
  const [vendor = '', device = ''] = text.toLowerCase().split(/\s+/);
  if (!/^[0-9a-f]{1,4}$/.test(vendor) || !/^[0-9a-f]{1,4}$/.test(device))
    return nothing(running, refused(`${driver}/new_id`, text, 'EINVAL'));
  const id = [vendor, device].map((part) => part.padStart(4, '0')).join(':');
  const known = new Map(running.modules.known).set(driver, [...(running.modules.known.get(driver) ?? []), id]);
  const now = { ...running, modules: { ...running.modules, known } };
  return chain(
    now,
    running.settings.pci.map(
      ({ address }) =>
        (at) =>
          probe(at, address),
    ),
  );
}

/** `sriov_drivers_autoprobe` of a physical function. */
export function autoprobe(running: Running, address: string, text: string): Turn {
  const unprobed = new Set(running.unprobed);
  if (/^[1yY]|^on/.test(text)) unprobed.delete(address);
  else if (/^[0nN]|^of/.test(text)) unprobed.add(address);
  else return nothing(running, refused(`${address}/sriov_drivers_autoprobe`, text, 'EINVAL'));
  return nothing({ ...running, unprobed });
}

/** `sriov_numvfs` of a physical function, with the refusals of `sriov_numvfs_store()` (drivers/pci/iov.c) and their texts. */
export function setFunctions(running: Running, address: string, text: string): Turn {
  const pf = deviceAt(running, address);
  const file = `${address}/sriov_numvfs`;
  const driver = running.modules.bound.get(address);
  const before = running.functions.get(address) ?? 0;
  const name = `${driver ?? 'pci'} ${address}`;
  if (pf?.sriov === undefined || !/^\d+$/.test(text)) return nothing(running, refused(file, text, 'EINVAL'));
  const count = Number(text);
  if (count > pf.sriov.total) return nothing(running, refused(file, text, 'ERANGE'));
  if (count === before) return nothing(running);
  if (driver === undefined) {
    const said = `${name}: no driver bound to device; cannot configure SR-IOV`;
    return nothing(running, said, refused(file, text, 'ENOENT'));
  }
  // vfio-pci has the function, but refuses unless its parameter enable_sriov is set (vfio_pci_core_sriov_configure()).
  if (driver === 'vfio-pci') return nothing(running, refused(file, text, 'ENOENT'));
  if (count === 0) return remove(running, address);
  if (before === 0) return add(running, pf, count);
  const said = `${name}: ${before} VFs already enabled. Disable before enabling ${count} VFs`;
  return nothing(running, said, refused(file, text, 'EBUSY'));
}

/** Addresses of the virtual functions that are there, in their order. */
export function functionsOf({ settings, functions }: Running, address: string): readonly string[] {
  const pf = settings.pci.find((device) => device.address === address);
  if (pf?.sriov === undefined) return [];
  return Array.from({ length: functions.get(address) ?? 0 }, (_, index) => functionAddress(pf, index));
}

/** The physical function of a virtual one; `null`: it is none. */
export function parentOf(running: Running, address: string): string | null {
  return [...running.functions.keys()].find((pf) => functionsOf(running, pf).includes(address)) ?? null;
}

function add(running: Running, pf: MachinePciDevice, count: number): Turn {
  const made = virtualFunctions(pf, count, running.settings.pci);
  const settings = { ...running.settings, pci: [...running.settings.pci, ...made] };
  const now = { ...running, settings, functions: new Map(running.functions).set(pf.address, count) };
  const log = made.flatMap(({ address, vendor, device, class: code, group }) => [
    `pci ${address}: [${vendor}:${device}] type 00 class 0x${code}`,
    ...(running.iommu.on && group !== null ? [`pci ${address}: Adding to iommu group ${group}`] : []),
  ]);
  const addresses = made.map(({ address }) => address);
  const probed = chain(
    now,
    addresses.map((address) => (at) => probe(at, address)),
  );
  return { running: probed.running, log: [...log, ...probed.log], added: addresses };
}

function remove(running: Running, address: string): Turn {
  const gone = new Set(functionsOf(running, address));
  const stays = <T>(map: ReadonlyMap<string, T>) => new Map([...map].filter(([key]) => !gone.has(key)));
  const { settings, modules } = running;
  return nothing({
    ...running,
    settings: { ...settings, pci: settings.pci.filter((device) => !gone.has(device.address)) },
    functions: new Map(running.functions).set(address, 0),
    modules: { ...modules, bound: stays(modules.bound), overrides: stays(modules.overrides) },
  });
}

/** `pci_device_can_probe()`: an override counts since 5.3, whatever the physical function says. */
function mayProbe(running: Running, address: string): boolean {
  const pf = parentOf(running, address);
  return pf === null || !running.unprobed.has(pf) || running.modules.overrides.has(address);
}

function offerOf({ modules, iommu }: Running, device: MachinePciDevice, driver: string): Offer {
  const known = modules.known.get(driver)?.includes(`${device.vendor}:${device.device}`) ?? false;
  return { device, driver, known, override: modules.overrides.get(device.address) ?? null, translated: iommu.on };
}

function withDriver(running: Running, address: string, driver: string | null): Running {
  const bound = new Map(running.modules.bound);
  if (driver === null) bound.delete(address);
  else bound.set(address, driver);
  return { ...running, modules: { ...running.modules, bound } };
}

function deviceAt({ settings }: Running, address: string): MachinePciDevice | null {
  return settings.pci.find((device) => device.address === address) ?? null;
}

/** No real kernel says so: it answers the write, which a plain file cannot. */
function refused(file: string, text: string, error: string): string {
  return `lab: write of ${JSON.stringify(text)} to ${file} is refused: ${error}`;
}

import { selectorText } from '../devices/selectors.ts';
import { VfleetError } from '../errors.ts';
import type { BoundDevice } from '../facts/bound-devices.ts';
import type { PciDevice } from '../facts/facts.ts';
import { moduleState } from '../facts/modules.ts';
import type { Binding } from './pci-binding.ts';
import { isOwnFile } from './pci-binding-before.ts';
import { driverctlPath, ownPaths, textAt } from './pci-binding-files.ts';
import { isLasting } from './pci-binding-lasting.ts';
import { keepsHold } from './pci-binding-timing.ts';
import type { ChangeContext, State } from './resource.ts';

/**
 * Refuses a binding that cannot be had, before anything is written. Errors: `device.driver`, `device.no-group`, `device.other`,
 * `device.owner`, `device.selector`.
 */
export function refuseBinding(
  wish: Binding,
  wanted: readonly PciDevice[],
  devices: readonly BoundDevice[],
  state: State,
  context: ChangeContext,
): void {
  const { host, shared } = context;
  const path = ownPaths(wish.name).find((own) => shared?.files.has(own));
  const others = path === undefined ? [] : (shared?.files.get(path)?.playbooks ?? []);
  if (path !== undefined) {
    const next = 'give this binding another name: pciBinding(…, { name })';
    throw refused(host, 'owner', path, 'a file of this playbook', `one of ${others.join(', ')}`, next);
  }
  if (wanted.length === 0) return;
  refuseDriver(wish, context);
  refuseGroups(wish, wanted, context);
  refuseSerials(wish, devices, context);
  refuseFleeting(wish, devices, context);
  for (const { address } of wanted) refuseOtherOwner(wish, address, state, context);
}

/** Booted with the override in place, and yet with its own driver: another reboot would be in vain. Errors: `device.kept`. */
export function refuseStuck(
  missing: readonly PciDevice[],
  { driver }: Binding,
  { host, tentative }: ChangeContext,
): void {
  const stuck = missing.find((device) => keepsHold(device) && device.driverOverride === driver);
  if (stuck === undefined || tentative === true) return;
  const next = `keep ${stuck.driver} from being loaded (gpu.ts does), look in the kernel log, and reboot`;
  const found = `${stuck.driver}, which has not let it go`;
  throw refused(host, 'kept', stuck.address, `${driver}, as its driver_override says`, found, next);
}

function refuseDriver({ driver }: Binding, { host, facts }: ChangeContext): void {
  if (moduleState(facts, driver).next !== 'absent') return;
  const found = `none in ${facts.kernel.next ?? 'the kernel that will boot'}`;
  throw refused(
    host,
    'driver',
    driver,
    'a driver of the kernel',
    found,
    'install the package that has it, or another kernel',
  );
}

/** Without a group VFIO cannot open a device, and vfio-pci does not take it (`vfio_pci_core_register_device`). */
function refuseGroups(
  { driver, ahead }: Binding,
  wanted: readonly PciDevice[],
  { host, facts, tentative }: ChangeContext,
): void {
  const alone = wanted.find(({ iommuGroup }) => iommuGroup === null);
  if (driver !== 'vfio-pci' || alone === undefined || tentative === true) return;
  const on = facts.iommu.groups.length > 0;
  if (ahead && !on) return;
  const found = on ? 'none, though others have theirs' : 'none: no IOMMU is at work';
  const next = on
    ? 'select another device: this one is behind none of the IOMMUs'
    : 'turn the IOMMU on first: `vfleet apply` of passthrough.ts, and see its checks';
  throw refused(host, 'no-group', alone.address, 'an IOMMU group', found, next);
}

/** A bound disk does not tell its serial number: what was read when it was bound is compared. */
function refuseSerials({ selectors }: Binding, devices: readonly BoundDevice[], { host }: ChangeContext): void {
  for (const { address, serial } of selectors) {
    const device = devices.find((other) => other.address === address);
    if (serial === undefined || device === undefined || device.serial === null || device.serial === serial) continue;
    const next = 'correct the inventory; where the disk was exchanged, give the old one back first: vfleet undo';
    throw refused(host, 'other', device.address, `serial ${serial}`, `serial ${device.serial} when it was bound`, next);
  }
}

/** What finds other devices, or none, once these are bound would fail in `verify`, and give them back in the next run. */
function refuseFleeting(wish: Binding, devices: readonly BoundDevice[], { host, facts }: ChangeContext): void {
  if (isLasting(wish, devices, facts)) return;
  const named = devices.map(({ address, id }) => `{ address: '${address}', id: '${id}' }`).join(', ');
  const expected = `what means the same devices once ${wish.driver} holds them`;
  const found = `${devices.map(({ address }) => address).join(', ')}, whose drivers and serial numbers nobody can tell then`;
  const thing = `devices ${wish.selectors.map(selectorText).join(', ')}`;
  throw refused(host, 'selector', thing, expected, found, `name them by address: ${named}`);
}

/** driverctl obeys its file at each boot, whatever a rule says. */
function refuseOtherOwner(wish: Binding, address: string, state: State, context: ChangeContext): void {
  const { driver } = wish;
  const path = driverctlPath(address);
  const said = textAt(state, path).trim();
  if (said === '' || said === driver || isOwnFile(wish, path, context)) return;
  const next = `leave the device to it, or take it back: driverctl unset-override ${address}`;
  throw refused(context.host, 'owner', path, `${driver}, or no file`, said, next);
}

function refused(
  host: string,
  kind: string,
  thing: string,
  expected: string,
  found: string,
  next: string,
): VfleetError {
  return new VfleetError({
    code: `device.${kind}`,
    host,
    thing,
    expected,
    found,
    next: `${next}; nothing was changed`,
  });
}

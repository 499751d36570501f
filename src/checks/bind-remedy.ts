import { takerOf } from '../devices/devices-of-kind.ts';
import { boundAs } from '../devices/identity.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';

/** What binds a device that vfio-pci does not hold, or not for long: the playbook that does it, or another way where that is there. */
export function bindRemedy(facts: Facts, device: PciDevice): string {
  const { address } = device;
  const detail = facts.hardware?.pci[address];
  // Its driver makes them, and is needed for as long as they are there.
  if ((detail?.sriov?.active ?? 0) > 0)
    return 'end its virtual functions first: vfleet undo sriov, where vfleet has made them';
  const kept = boundAs(facts, device);
  if (kept !== null) return `vfleet apply ${kept.binding}`;
  const playbook = (detail?.physicalFunction ?? null) === null ? takerOf(facts, device) : 'sriov';
  const other = facts.hardware?.driverctl === true ? ` (or driverctl set-override ${address} vfio-pci)` : '';
  return `vfleet apply ${playbook}${other}`;
}

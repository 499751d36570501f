import type { Facts, PciDevice } from '../facts/facts.ts';
import type { NetInterface } from '../facts/hardware.ts';
import { networkObstacles } from './obstacles/network.ts';

/** A device that can have virtual functions, and those that it has. */
export interface PhysicalFunction {
  readonly device: PciDevice;
  /** `null`: its driver, or its firmware, offers none. */
  readonly sriov: { readonly total: number; readonly active: number } | null;
  /** The device whose function it is itself: then it can have none. */
  readonly functionOf: string | null;
  /** Its network interfaces. */
  readonly net: readonly NetInterface[];
  /** Virtual functions of it that are there. */
  readonly functions: readonly PciDevice[];
}

/** What is known of a device that may have virtual functions; `null`: nothing. */
export function physicalFunction({ pci, hardware }: Facts, device: PciDevice): PhysicalFunction | null {
  const detail = hardware?.pci[device.address];
  if (hardware === null || detail === undefined) return null;
  return {
    device,
    sriov: detail.sriov,
    functionOf: detail.physicalFunction,
    net: hardware.net.filter((net) => net.pci === device.address),
    functions: pci.filter(({ address }) => hardware.pci[address]?.physicalFunction === device.address),
  };
}

/** Why a device may not lose its network, not even for a moment; `null`: nothing is known to need it. */
export function networkUse({ hardware }: Facts, address: string): string | null {
  if (hardware === null) return null;
  const [first] = networkObstacles(hardware, ({ pci }) => (pci === address ? address : null));
  return first?.reason ?? null;
}

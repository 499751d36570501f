import { isBridge } from '../devices/identity.ts';
import { stuckMates } from '../devices/obstacles/place.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';

/** What is wrong with a device, and what helps. */
export interface Problem {
  readonly found: string;
  readonly remedy: string;
}

/**
 * Why the IOMMU group of a device cannot be passed; `null`: it can. VFIO takes a group only when every endpoint of it has
 * vfio-pci, pci-stub or no driver (`vfio_dev_viable()` in drivers/vfio). `remedy`: what else than ACS or another slot helps.
 */
export function groupProblem(facts: Facts, device: PciDevice, remedy = 'use'): Problem | null {
  const { address, iommuGroup } = device;
  if (iommuGroup === null) {
    return { found: `${address} is in no IOMMU group`, remedy: 'turn the IOMMU on first: see the check iommu-active' };
  }
  const bad = groupMates(facts, device).filter((mate) => !isHarmless(mate));
  if (bad.length === 0) return null;
  const list = bad.map((mate) => `${mate.address} (${mate.driver})`).join(', ');
  return {
    found: `group ${iommuGroup} of ${address} is not viable: ${list}`,
    remedy: `${remedy} another slot, or turn ACS on in the BIOS`,
  };
}

/** The others of its group that VFIO looks at. */
export function groupMates(facts: Facts, device: PciDevice): readonly PciDevice[] {
  if (device.iommuGroup === null) return [];
  const endpoints = facts.pci.filter(
    (other) => other.iommuGroup === device.iommuGroup && other.address !== device.address && !isBridge(other),
  );
  return [...endpoints, ...stuckMates(facts, [device]).filter(({ address }) => address !== device.address)];
}

function isHarmless(device: PciDevice): boolean {
  return device.driver === null || device.driver === 'vfio-pci' || device.driver === 'pci-stub';
}

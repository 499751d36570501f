import type { Facts, PciDevice } from '../../facts/facts.ts';
import { isBridge } from '../identity.ts';
import type { Obstacle } from '../obstacle.ts';
import { isHidden } from './owner.ts';

/** What stands against a device by what it is and where it is. */
export function placeObstacles(facts: Facts, devices: readonly PciDevice[]): readonly Obstacle[] {
  return [...devices.flatMap((device) => [...neverGiven(device), ...behindVmd(device)]), ...groupMates(facts, devices)];
}

/** PCI Code and ID Assignment Specification: 06 bridges, 0800 interrupt controllers, 0806 IOMMUs. */
function neverGiven(device: PciDevice): readonly Obstacle[] {
  const isSystem = device.class.startsWith('0800') || device.class.startsWith('0806');
  if (!isBridge(device) && !isSystem) return [];
  const what = isBridge(device) ? 'a bridge' : 'a part of the machine itself (interrupt controller or IOMMU)';
  return [
    {
      kind: isBridge(device) ? 'bridge' : 'system-device',
      device: device.address,
      reason: `it is ${what}, which no guest can have`,
      remedy: isBridge(device) ? 'select the devices behind it' : 'select another device',
    },
  ];
}

function behindVmd({ address }: PciDevice): readonly Obstacle[] {
  if (!isHidden(address)) return [];
  return [
    {
      kind: 'vmd',
      device: address,
      reason: 'it is behind Intel VMD, so that it cannot be assigned alone',
      remedy: 'turn VMD off in the BIOS, so that it gets a place of its own',
    },
  ];
}

/**
 * Types of bridges whose header is not the normal one: VFIO looks away from those (`vfio_dev_driver_allowed()`), and since 5.19
 * from drivers that leave DMA alone (`driver_managed_dma`), which are those of such bridges.
 */
const passive = /^(?:0604|0607|0609)/;

/** Drivers that VFIO lets be in a group that is given away. */
const harmless: ReadonlySet<string | null> = new Set([null, 'vfio-pci', 'pci-stub', 'pcieport']);

/** Those of the groups of devices that are no endpoints and cannot be handed over, but make VFIO refuse the group. */
export function stuckMates(facts: Facts, devices: readonly PciDevice[]): readonly PciDevice[] {
  const groups = new Set(devices.flatMap(({ iommuGroup }) => iommuGroup ?? []));
  return facts.pci.filter(
    (mate) =>
      mate.iommuGroup !== null &&
      groups.has(mate.iommuGroup) &&
      isBridge(mate) &&
      !passive.test(mate.class) &&
      !harmless.has(mate.driver),
  );
}

function groupMates(facts: Facts, devices: readonly PciDevice[]): readonly Obstacle[] {
  return stuckMates(facts, devices)
    .filter((mate) => !devices.includes(mate))
    .map((mate) => ({
      kind: 'group-mate',
      device: mate.address,
      reason: `it is a bridge with a driver of its own (${mate.driver}), so that VFIO refuses IOMMU group ${mate.iommuGroup}`,
      remedy: 'put the device into another slot, or turn ACS on in the BIOS',
    }));
}

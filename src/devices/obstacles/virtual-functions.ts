import type { Facts, PciDevice } from '../../facts/facts.ts';
import type { Obstacle } from '../obstacle.ts';

const most = 4;

/** Physical functions with virtual ones: those vanish with the driver, under the guests that have them. */
export function functionObstacles({ pci, hardware }: Facts, devices: readonly PciDevice[]): readonly Obstacle[] {
  return devices.flatMap(({ address }) => {
    const functions = pci.filter((other) => hardware?.pci[other.address]?.physicalFunction === address);
    const active = Math.max(functions.length, hardware?.pci[address]?.sriov?.active ?? 0);
    if (active === 0) return [];
    const named = functions.slice(0, most).map((one) => `${one.address} on ${one.driver ?? 'no driver'}`);
    const list = [...named, ...(functions.length > most ? ['…'] : [])].join(', ');
    return [
      {
        kind: 'virtual-functions',
        device: address,
        reason: `it has ${active} virtual function${active === 1 ? '' : 's'}${list === '' ? '' : ` (${list})`}`,
        remedy:
          'take them from their guests, and end them first: vfleet undo sriov where vfleet has made them, else set sriov_numvfs to 0 and end what sets it at boot',
      },
    ];
  });
}

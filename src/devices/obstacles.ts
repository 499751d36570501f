import type { Facts, PciDevice } from '../facts/facts.ts';
import { slotAt } from './address.ts';
import type { Obstacle } from './obstacle.ts';
import { clientObstacles, placesOf, portClients } from './obstacles/clients.ts';
import { consoleObstacles } from './obstacles/console.ts';
import { diskObstacles } from './obstacles/disks.ts';
import { displayObstacles } from './obstacles/display.ts';
import { networkObstacles } from './obstacles/network.ts';
import { type Owner, ownerByPci, ownerByPort } from './obstacles/owner.ts';
import { placeObstacles } from './obstacles/place.ts';
import { usbObstacles } from './obstacles/usb.ts';
import { functionObstacles } from './obstacles/virtual-functions.ts';
import type { OpenNode, OpenNodes } from './open-nodes.ts';
import { devicesOf } from './select.ts';
import type { Unit } from './selection.ts';

/**
 * Why a unit may not be taken from the host, but for what its operator allows. Pure. `open`: what `openNodesProbe` read;
 * leave it out where nobody has read it, and processes are not judged.
 */
export function obstaclesOf(facts: Facts, unit: Unit, open?: OpenNodes): readonly Obstacle[] {
  const { hardware } = facts;
  const devices = devicesOf(unit);
  if (hardware === null) return unit.selected.map(({ address }) => unread(address));
  const owner = ownerByPci(facts, devices);
  const found = [
    ...placeObstacles(facts, devices),
    ...displayObstacles(devices),
    ...inUse(facts, owner),
    ...functionObstacles(facts, devices),
    ...(open === undefined ? [] : clientObstacles(facts, devices, open, owner)),
  ];
  return found.filter(({ consent }) => consent === undefined || !unit.allow.includes(consent)).map(withCompany(unit));
}

/** Why a USB device may not be taken from the host. Empty, too, for a port with nothing in it. `open`: as above. */
export function obstaclesOfPort(facts: Facts, port: string, open?: OpenNodes): readonly Obstacle[] {
  const owner = ownerByPort(port);
  const isOn = (node: OpenNode): boolean => placesOf(facts.hardware, node).some((place) => owner(place) !== null);
  const hub = facts.hardware?.usb.find((one) => one.port === port)?.hub === true;
  const none = 'select the device that is plugged into it';
  return [
    ...(hub ? [{ kind: 'hub', device: port, reason: 'it is a hub, which no guest can have', remedy: none }] : []),
    ...inUse(facts, owner),
    ...(open === undefined ? [] : portClients(port, open, isOn)),
  ];
}

/** Why a serial port may not be taken from the host. `open`: as above. */
export function obstaclesOfSerial({ hardware }: Facts, name: string, open?: OpenNodes): readonly Obstacle[] {
  if (hardware === null) return [unread(name)];
  const serial = hardware.serial.filter((port) => port.name === name);
  return [
    ...consoleObstacles({ ...hardware, serial }, () => name),
    ...(open === undefined ? [] : portClients(name, open, ({ path }) => path === `/dev/${name}`)),
  ];
}

function inUse({ hardware }: Facts, owner: Owner): readonly Obstacle[] {
  if (hardware === null) return [];
  return [networkObstacles, diskObstacles, consoleObstacles, usbObstacles].flatMap((look) => look(hardware, owner));
}

function unread(device: string): Obstacle {
  return {
    kind: 'unknown',
    device,
    reason: 'what uses it was not read',
    remedy: 'read the facts again with this version of vfleet',
  };
}

/** Of a device that nobody has chosen: why it would go, too. */
function withCompany({ selected, mates }: Unit): (obstacle: Obstacle) => Obstacle {
  return (obstacle) => {
    const mate = mates.find(({ address }) => address === obstacle.device);
    const why = mate === undefined ? null : companyOf(mate, selected);
    return why === null ? obstacle : { ...obstacle, reason: `${obstacle.reason}; it goes with ${why}` };
  };
}

function companyOf(mate: PciDevice, selected: readonly PciDevice[]): string {
  const neighbour = selected.find((one) => slotAt(one.address) === slotAt(mate.address));
  if (neighbour !== undefined) return `${neighbour.address} (the same card)`;
  const near = selected.find((one) => one.iommuGroup !== null && one.iommuGroup === mate.iommuGroup);
  if (near !== undefined) return `${near.address} (IOMMU group ${mate.iommuGroup})`;
  return `${selected[0]?.address ?? 'what is selected'} (by cards that share groups)`;
}

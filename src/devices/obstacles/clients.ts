import type { Facts, PciDevice } from '../../facts/facts.ts';
import type { Obstacle } from '../obstacle.ts';
import { type OpenNode, type OpenNodes, openText } from '../open-nodes.ts';
import type { Hanging, Owner } from './owner.ts';

const most = 4;

/** Processes that use a driver: unbinding waits for them, or takes the device from under them. */
export function clientObstacles(
  facts: Facts,
  devices: readonly PciDevice[],
  open: OpenNodes,
  owner: Owner,
): readonly Obstacle[] {
  const bound = devices.filter(({ driver }) => driver !== null && driver !== 'vfio-pci');
  if (open === null) return bound.slice(0, 1).map(({ address }) => unknown(address));
  const located = open.map((node) => ({ node, owners: ownersOf(facts, bound, node, open, owner) }));
  return bound.flatMap(({ address }) => {
    const nodes = located.filter(({ owners }) => owners.includes(address)).map(({ node }) => node);
    return inUse(address, nodes);
  });
}

/** Processes that have a node open of what hangs on a port of USB, or the node of a serial port: a guest could not have it beside them. */
export function portClients(device: string, open: OpenNodes, isIts: (node: OpenNode) => boolean): readonly Obstacle[] {
  return open === null ? [unknown(device)] : inUse(device, open.filter(isIts));
}

function inUse(device: string, nodes: readonly OpenNode[]): readonly Obstacle[] {
  if (nodes.length === 0) return [];
  const texts = [...new Set(nodes.map(openText))];
  const reason = `${texts.slice(0, most).join(', ')}${texts.length > most ? ` and ${texts.length - most} more` : ''}`;
  const names = [...new Set(nodes.map(({ process, pid }) => process ?? String(pid)))].slice(0, most).join(', ');
  return [{ kind: 'in-use', device, reason, remedy: `stop ${names} first, and keep it from starting again` }];
}

function unknown(device: string): Obstacle {
  return {
    kind: 'unknown',
    device,
    reason: 'which processes have it open may not be read',
    remedy: 'let vfleet become root there (ssh: { elevate: sudo } in the inventory)',
  };
}

function ownersOf(
  { hardware }: Facts,
  devices: readonly PciDevice[],
  node: OpenNode,
  all: readonly OpenNode[],
  owner: Owner,
): readonly string[] {
  const control = driverOf(node.path);
  if (control !== null) {
    // A client opens the nodes of its devices beside the driver's own; where it has none, it may have any.
    const hasOthers = all.some(({ pid, pci, path }) => pid === node.pid && pci !== null && driverOf(path) === null);
    return hasOthers ? [] : devices.filter(({ driver }) => driver === control).map(({ address }) => address);
  }
  if (node.pci === null && /^\/dev\/nvidia\d+$/.test(node.path)) {
    return devices.filter(({ driver }) => driver === 'nvidia').map(({ address }) => address);
  }
  return placesOf(hardware, node)
    .map(owner)
    .filter((found) => found !== null);
}

/** Where what a node leads to hangs. */
export function placesOf(hardware: Facts['hardware'], node: OpenNode): readonly Hanging[] {
  const name = node.path.slice('/dev/'.length);
  return [
    { pci: node.pci },
    ...(hardware?.nvme ?? []).filter((one) => one.name === name || one.namespaces.includes(name)),
    ...(hardware?.block ?? []).filter((one) => one.name === name),
    ...(hardware?.serial ?? []).filter((one) => one.name === name),
    ...(hardware?.usb ?? [])
      .filter(({ bus, device }) => name === `bus/usb/${three(bus)}/${three(device)}`)
      .map(({ pci, port }) => ({ pci, usb: port })),
  ];
}

/** The driver whose node it is, as a whole. */
function driverOf(path: string): string | null {
  if (/^\/dev\/nvidia(?:ctl|-uvm|-uvm-tools|-modeset)$/.test(path)) return 'nvidia';
  return path === '/dev/kfd' ? 'amdgpu' : null;
}

function three(number: number): string {
  return String(number).padStart(3, '0');
}

import type { MachineSettings } from './machine.ts';
import { busesOf } from './model/usb-buses.ts';

/** What is wrong in `machine.json`, and where. */
interface Refusal {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

type Devices = Pick<
  MachineSettings,
  'pci' | 'numaNodes' | 'numaMemoryKiB' | 'memoryKiB' | 'disks' | 'usb' | 'interfaces'
>;

/** What a schema cannot say of devices: that what they refer to is there. */
export function refuseDevices(settings: Devices): readonly Refusal[] {
  return [...refusePci(settings), ...refuseMemory(settings), ...refuseDisks(settings), ...refuseUsb(settings)];
}

/** Bridges first: a device's place in `/sys/devices` is known from what stands before it. */
function refusePci({ pci, numaNodes }: Devices): readonly Refusal[] {
  return pci.flatMap(({ address, behind, numaNode }, index) => {
    const before = pci.slice(0, index).map((device) => device.address);
    const found: Refusal[] = [];
    const refuse = (key: string, message: string) => found.push({ path: ['pci', index, key], message });
    if (before.includes(address)) refuse('address', `${address} is there twice`);
    if (behind !== undefined && !before.includes(behind)) refuse('behind', `no device ${behind} before it`);
    if (numaNode !== undefined && numaNode >= numaNodes) refuse('numaNode', 'no such node');
    return found;
  });
}

function refuseMemory({ numaNodes, numaMemoryKiB, memoryKiB }: Devices): readonly Refusal[] {
  if (numaMemoryKiB === undefined) return [];
  const sum = numaMemoryKiB.reduce((a, b) => a + b, 0);
  if (numaMemoryKiB.length === numaNodes && sum === memoryKiB) return [];
  return [{ path: ['numaMemoryKiB'], message: `${numaNodes} sizes whose sum is memoryKiB` }];
}

function refuseDisks({ disks = [], pci, usb = [] }: Devices): readonly Refusal[] {
  const places = [...pci.map(({ address }) => address), ...usb.map(({ port }) => port)];
  return disks.flatMap(({ on }, index) =>
    places.includes(on) ? [] : [{ path: ['disks', index, 'on'], message: `no device ${on}` }],
  );
}

function refuseUsb({ usb = [], pci }: Devices): readonly Refusal[] {
  const buses = busesOf(pci).map(({ bus }) => bus);
  return usb.flatMap(({ port }, index) => {
    const hub = /^(.*)\.\d+$/.exec(port)?.[1];
    const before = usb.slice(0, index).map((device) => device.port);
    if (hub !== undefined && !before.includes(hub))
      return [{ path: ['usb', index, 'port'], message: `no hub ${hub} before it` }];
    return buses.includes(Number(port.split('-')[0])) ? [] : [{ path: ['usb', index, 'port'], message: 'no such bus' }];
  });
}

import type { MachinePciDevice } from '../../../src/lab/machine.ts';
import { linesOf, type Reading } from './reading.ts';

/** A device, with the module of its driver; `null`: the driver is built in. */
export interface CapturedDevice extends MachinePciDevice {
  readonly module: string | null;
}

const addressIn = /[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/g;

/** The PCI devices as the kernel lists them, bridges before what is behind them. */
export function devicesOf(reading: Reading): readonly CapturedDevice[] {
  const blocks = linesOf(reading, 'pci').join('\n').split(/^at /m).filter(Boolean);
  return blocks.map(deviceOf).sort((a, b) => depth(a, reading) - depth(b, reading) || (a.address < b.address ? -1 : 1));
}

function depth({ address }: MachinePciDevice, reading: Reading): number {
  return placeOf(address, reading).length;
}

function placeOf(address: string, reading: Reading): readonly string[] {
  const line = linesOf(reading, 'pci').find((text) => text.startsWith(`at ${address} `)) ?? '';
  return line.split(' ')[2]?.match(addressIn) ?? [];
}

function deviceOf(block: string): CapturedDevice {
  const [head = '', ...lines] = block.split('\n');
  const [address = '', place = ''] = head.split(' ');
  const values = new Map(lines.map((line) => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1).trim()]));
  const hex = (name: string) => (values.get(name) ?? '').replace(/^0x/, '');
  const behind = place.match(addressIn)?.at(-2);
  const group = values.get('group');
  const node = Number(values.get('numa_node') ?? -1);
  const subsystem = { vendor: hex('subsystem_vendor'), device: hex('subsystem_device') };
  const [name = '', mac = '', state = ''] = values.get('network')?.split(' ') ?? [];
  const serial = values.get('serial');
  return {
    address,
    class: hex('class'),
    vendor: hex('vendor'),
    device: hex('device'),
    driver: values.get('driver') ?? null,
    group: group === undefined ? null : Number(group),
    ...(node >= 0 && { numaNode: node }),
    ...(behind !== undefined && { behind }),
    ...(hex('revision') !== '00' && { revision: hex('revision') }),
    ...(subsystem.vendor !== '0000' && { subsystem }),
    ...(values.get('boot_vga') === '1' && { bootVga: true }),
    ...(name !== '' && { network: { name, mac, up: state === 'up' } }),
    ...(serial !== undefined && { serial }),
    module: values.get('module') ?? null,
  };
}

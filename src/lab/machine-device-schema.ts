import { z } from 'zod';

/** Parts of `machine.json` that describe devices; the types are in `machine-devices.ts`. */

const hex = (digits: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`), `${digits} lower-case hex digits`);
const address = z.string().regex(/^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/, 'a full address: 0000:03:00.0');
const plain = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+~-]*$/, 'letters, digits and . _ + ~ -');
const port = z.string().regex(/^\d+-\d+(?:\.\d+)*$/, 'a USB port: 1-2.3');
const words = z.string().regex(/^[^\n]*$/, 'one line');

export const networkSchema = z.strictObject({
  name: plain,
  mac: z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/),
  up: z.boolean(),
  addresses: z.array(z.string().regex(/^[0-9a-f.:]+\/\d+$/, 'an address with prefix length')).exactOptional(),
  defaultRoute: z.boolean().exactOptional(),
  ssh: z.boolean().exactOptional(),
});

export const pciDeviceSchema = z.strictObject({
  address,
  class: hex(6),
  vendor: hex(4),
  device: hex(4),
  driver: z.string().nullable(),
  group: z.int().min(0).nullable(),
  numaNode: z.int().min(0).exactOptional(),
  bootVga: z.boolean().exactOptional(),
  behind: address.exactOptional(),
  subsystem: z.strictObject({ vendor: hex(4), device: hex(4) }).exactOptional(),
  revision: hex(2).exactOptional(),
  network: networkSchema.exactOptional(),
  serial: z.string().exactOptional(),
  slot: plain.exactOptional(),
  resets: z.array(plain).exactOptional(),
  sriov: z
    .strictObject({
      total: z.int().min(1).max(255),
      device: hex(4),
      driver: z.string().nullable(),
      offset: z.int().min(1),
      stride: z.int().min(1),
    })
    .exactOptional(),
});

const disk = z.strictObject({
  name: plain,
  on: z.union([address, port]),
  sizeBytes: z.int().min(512),
  model: words,
  serial: words,
  table: z.enum(['gpt', 'dos']).exactOptional(),
  signature: plain.exactOptional(),
  partitions: z
    .array(
      z.strictObject({
        number: z.int().min(1).max(128),
        sizeBytes: z.int().min(512),
        signature: plain.exactOptional(),
        label: plain.exactOptional(),
        swap: z.boolean().exactOptional(),
      }),
    )
    .exactOptional(),
  multipath: z.boolean().exactOptional(),
});

const usbDevice = z.strictObject({
  port,
  vendor: hex(4),
  product: hex(4),
  manufacturer: words.exactOptional(),
  title: words.exactOptional(),
  serial: words.exactOptional(),
  class: hex(2).exactOptional(),
  interfaces: z.array(
    z.strictObject({
      class: hex(2),
      driver: z.string().nullable(),
      tty: plain.exactOptional(),
      network: networkSchema.exactOptional(),
    }),
  ),
});

/** Settings beside `pci`; none of them must be given. */
export const deviceSettings = {
  numaMemoryKiB: z.array(z.int().min(0)).exactOptional(),
  disks: z.array(disk).exactOptional(),
  mapped: z
    .array(
      z.strictObject({
        label: plain,
        on: z.array(plain).min(1),
        signature: plain.exactOptional(),
        swap: z.boolean().exactOptional(),
      }),
    )
    .exactOptional(),
  interfaces: z
    .array(networkSchema.extend({ kind: z.enum(['bond', 'bridge', 'vlan']), on: z.array(plain).min(1) }))
    .exactOptional(),
  usb: z.array(usbDevice).exactOptional(),
  serialPorts: z.array(z.strictObject({ name: plain, type: z.int().min(0) })).exactOptional(),
};

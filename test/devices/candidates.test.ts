import { describe, expect, test } from 'vitest';
import { candidatesOf } from '../../src/devices/candidates.ts';
import { parseNames } from '../../src/devices/names.ts';
import type { PciDevice } from '../../src/facts/facts.ts';
import type { HardwareFacts } from '../../src/facts/hardware.ts';
import { detail, host, net, nvme, pci, serial, usb } from './facts.ts';

const gpu = pci('0000:3b:00.0 030000 10de:2204 nouveau 12', { numaNode: 0 });
const audio = pci('0000:3b:00.1 040300 10de:1aef snd_hda_intel 12');
const usbOfGpu = pci('0000:3b:00.2 0c0330 10de:1ad6 xhci_hcd 12');
const nic = pci('0000:18:00.0 020000 8086:1572 i40e 20');
const port = pci('0000:17:00.0 060400 8086:2030 pcieport 19');
const uncore = pci('0000:17:1e.0 088000 8086:2080 - 21');
const fpga = pci('0000:65:00.0 058000 10ee:903f - 33');
const behind = { [fpga.address]: detail({ parent: '0000:64:00.0', slot: '6' }) };

const list = (
  devices: readonly PciDevice[],
  hardware: Partial<HardwareFacts> = {},
  open = [] as Parameters<typeof candidatesOf>[1]['open'],
) => candidatesOf(host(devices, hardware), { open, names: new Map([[gpu.address, 'NVIDIA GA102']]) });

test('cards are told once, with their other functions beside them', () => {
  expect(list([gpu, audio, usbOfGpu])).toMatchObject([
    {
      ...{ kind: 'gpu', device: gpu.address, id: '10de:2204', title: 'NVIDIA GA102', iommuGroup: 12, numaNode: 0 },
      mates: [{ address: audio.address, driver: 'snd_hda_intel' }, { address: usbOfGpu.address }],
      standing: 'free',
    },
  ]);
});

test('bridges and parts of the processor are none; the same class on a card is one', () => {
  expect(list([port, uncore, fpga], { pci: behind })).toMatchObject([
    { kind: 'other', device: fpga.address, physicalSlot: '6' },
  ]);
});

test('both ports of a network card are told, and what it can do', () => {
  const second = pci('0000:18:00.1 020000 8086:1572 i40e 20');
  const sriov = { total: 64, active: 0, autoprobe: true };
  const found = list([nic, second], {
    pci: { [nic.address]: detail({ sriov }) },
    net: [net('eth0', { pci: nic.address, mac: '52:54:00:12:34:56' })],
  });
  expect(found.map(({ device }) => device)).toEqual([nic.address, second.address]);
  expect(found[0]).toMatchObject({ sriov: { total: 64, active: 0 }, notes: ['interface eth0 52:54:00:12:34:56'] });
});

describe('it stands', () => {
  test('blocked, where something can never pass, also with a mate', () => {
    const second = pci('0000:18:00.1 020000 8086:1572 i40e 21');
    const found = list([nic, second], { net: [net('eth1', { pci: second.address, ssh: true })] });
    expect(found.map(({ standing }) => standing)).toEqual(['blocked', 'blocked']);
    expect(found[0]?.obstacles).toMatchObject([{ kind: 'ssh-path', device: second.address }]);
  });

  test('for consent, where all can be allowed', () => {
    expect(list([{ ...gpu, bootVga: true }])).toMatchObject([{ standing: 'consent' }]);
    const carrying = { net: [net('eth0', { pci: gpu.address, ssh: true })] };
    expect(list([{ ...gpu, bootVga: true }], carrying)).toMatchObject([{ standing: 'blocked' }]);
  });

  test('given, and of a disk which serial number it had and which playbook holds it', () => {
    const disk = pci('0000:5e:00.0 010802 144d:a808 vfio-pci 30');
    const bound = [{ address: disk.address, id: '144d:a808', former: 'nvme', serial: 'S1', binding: 'nvme' }];
    const [held] = list([disk], { bound });
    expect(held).toMatchObject({ standing: 'given', serial: 'S1' });
    expect(held?.notes).toContain('bound by vfleet: nvme');
    // Another disk is in the slot now.
    expect(list([{ ...disk, device: 'a80a' }], { bound })[0]?.serial).toBeNull();
  });

  test('given, once vfio-pci has all of it, and says which guest has it', () => {
    const held = [gpu, audio].map((device) => ({ ...device, driver: 'vfio-pci', bootVga: true }));
    const open = [{ path: '/dev/vfio/12', pid: 4242, process: 'qemu-system-x86', pci: null }];
    expect(list(held, {}, open)).toMatchObject([
      {
        standing: 'given',
        obstacles: [],
        notes: [expect.stringMatching(/^qemu-system-x86 \(4242\) has \/dev\/vfio\/\d+ open$/)],
      },
    ]);
    const own = [{ path: '/dev/vfio/devices/vfio0', pid: 7, process: null, pci: gpu.address }];
    expect(list(held, {}, own)).toMatchObject([{ notes: ['a process (7) has /dev/vfio/devices/vfio0 open'] }]);
    expect(list([held[0] ?? gpu, audio])).toMatchObject([{ standing: 'consent' }]);
  });
});

test('what an operator should know is noted', () => {
  const vf = pci('0000:18:02.0 020000 8086:154c iavf -');
  const [found] = list([vf], { pci: { [vf.address]: detail({ physicalFunction: nic.address, resets: [] }) } });
  expect(found?.notes).toEqual([
    'virtual function of 0000:18:00.0',
    expect.stringContaining('cannot reset'),
    expect.stringContaining('no IOMMU group'),
  ]);
});

test('disks are told by their model and serial number', () => {
  const disk = pci('0000:5e:00.0 010802 144d:a808 nvme 30');
  const found = list([disk], { nvme: [nvme('nvme0', disk.address, { model: 'PM983', serial: 'S4' })] });
  expect(found).toMatchObject([{ kind: 'nvme', title: 'PM983', serial: 'S4' }]);
});

test('dongles and ports are told, hubs and ports without a UART are not', () => {
  const found = list([], {
    usb: [usb('usb1', { hub: true }), usb('1-4', { hub: true }), usb('1-4.2', { title: 'FTDI UART', serial: 'A1' })],
    serial: [
      serial('ttyS0', { console: true }),
      serial('ttyS1', { uart: null }),
      serial('ttyUSB0', { uart: null, usb: '1-4.2', links: ['/dev/gps'] }),
    ],
  });
  expect(found).toMatchObject([
    { kind: 'usb', device: '1-4.2', id: '0403:6001', title: 'FTDI UART', serial: 'A1', standing: 'free' },
    { kind: 'serial', device: 'ttyS0', standing: 'blocked', obstacles: [{ kind: 'console' }] },
    { kind: 'serial', device: 'ttyUSB0', standing: 'free', notes: ['also /dev/gps'] },
  ]);
});

test('dongles and ports that a process has open are not free', () => {
  const devices = { usb: [usb('1-4.2')], serial: [serial('ttyS1')] };
  const opened = (path: string) =>
    list([], devices, [{ path, pid: 812, process: 'upsd', pci: null }]).map(({ standing }) => standing);
  expect(opened('/dev/bus/usb/001/002')).toEqual(['blocked', 'free']);
  expect(opened('/dev/ttyS1')).toEqual(['free', 'blocked']);
});

/** Of pciutils 3.9, `lspci -D -nn`; the last two as it prints what its list of ids does not know. */
const printed = `0000:3b:00.0 VGA compatible controller [0300]: NVIDIA Corporation GA102 [GeForce RTX 3090] [10de:2204] (rev a1)
0000:00:1f.2 SATA controller [0106]: Intel Corporation 82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode] [8086:2922] (rev 02)
10000:e1:00.0 Non-Volatile memory controller [0108]: Intel Corporation Device [8086:0b60]
0000:05:01.0 Unclassified device [00ff]: Device [1234:11e8] (rev 10)
`;

test('names are taken from lspci, as far as it knows them', () => {
  expect([...parseNames(printed)]).toEqual([
    ['0000:3b:00.0', 'NVIDIA Corporation GA102 [GeForce RTX 3090]'],
    ['0000:00:1f.2', 'Intel Corporation 82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode]'],
    ['10000:e1:00.0', 'Intel Corporation Device'],
  ]);
  expect(parseNames('').size).toBe(0);
});

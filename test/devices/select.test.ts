import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slotAt } from '../../src/devices/address.ts';
import { leftOutBy, leftOutText } from '../../src/devices/left-out.ts';
import { devicesOf, selectUnits } from '../../src/devices/select.ts';
import type { DeviceSelector } from '../../src/devices/selector.ts';
import type { PciDevice } from '../../src/facts/facts.ts';
import { factsOf } from '../boot/facts.ts';
import { block, detail, host, nvme, pci } from './facts.ts';

const gpu = pci('0000:3b:00.0 030000 10de:2204 nouveau 12', { numaNode: 0 });
const audio = pci('0000:3b:00.1 040300 10de:1aef snd_hda_intel 12', { numaNode: 0 });
const other = pci('0000:af:00.0 030000 10de:2204 nouveau 80', { numaNode: 1 });
const disk = pci('0000:5e:00.0 010802 144d:a808 nvme 30', { numaNode: 0 });
const port = pci('0000:5d:00.0 060400 8086:2030 pcieport 29');
const facts = host([gpu, audio, disk, port, other], {
  nvme: [nvme('nvme0', disk.address, { serial: 'S4EVNX0M ' })],
  pci: { [port.address]: detail({ slot: 'Slot 4' }), [disk.address]: detail({ parent: port.address }) },
});
const chosen = (...selectors: DeviceSelector[]): readonly (readonly string[])[] =>
  selectUnits(facts, selectors, 'node01').map(({ selected }) => selected.map(({ address }) => address));
const told =
  (...selectors: DeviceSelector[]) =>
  () =>
    selectUnits(facts, selectors, 'node01');

describe('devices are found by', () => {
  test.each([
    ['address', { address: gpu.address }, [[gpu.address]]],
    ['slot', { slot: '0000:3b:00' }, [[gpu.address, audio.address]]],
    ['ids', { id: '10de:2204' }, [[gpu.address], [other.address]]],
    ['class', { class: '03' }, [[gpu.address], [other.address]]],
    ['a longer class', { class: '0108' }, [[disk.address]]],
    ['driver', { driver: 'snd-hda-intel' }, [[audio.address]]],
    ['serial number', { serial: 'S4EVNX0M' }, [[disk.address]]],
    ['class and NUMA node', { class: '03', numaNode: 1 }, [[other.address]]],
    ['physical slot of the bridge before it', { physicalSlot: 'Slot 4' }, [[disk.address]]],
    ['ids and their number', { id: '10de:2204', count: 2 }, [[gpu.address], [other.address]]],
  ] as const)('%s', (_name, selector, units) => {
    expect(chosen(selector)).toEqual(units);
  });
});

describe('it is refused', () => {
  test.each([
    [
      'what is not there',
      { address: '0000:99:00.0' },
      /node01: devices 0000:99:00.0: expected it on this host, found none/,
    ],
    ['ids of no device', { id: '10de:ffff' }, /devices 10de:ffff/],
    ['another number', { id: '10de:2204', count: 1 }, /expected 1, found 2: 0000:3b:00.0, 0000:af:00.0/],
    [
      'another device at the address',
      { address: disk.address, id: '10de:2204' },
      /expected id 10de:2204, found id 144d:a808/,
    ],
    [
      'another serial at the address',
      { address: disk.address, serial: 'X1' },
      /expected serial X1, found serial S4EVNX0M/,
    ],
    ['other ids in the slot', { slot: '0000:3b:00', id: '144d:a808' }, /expected id 144d:a808.*is at 0000:5e:00.0/],
    ['another address for the serial', { serial: 'S4EVNX0M', class: '03' }, /expected class 03/],
  ] as const)('%s', (_name, selector, message) => {
    expect(told(selector)).toThrow(message);
  });

  test.each([
    ['device.none', { driver: 'mlx5_core' }],
    ['device.count', { id: '10de:2204', count: 3 }],
    ['device.other', { address: gpu.address, class: '02' }],
  ] as const)('with the code %s', (code, selector) => {
    expect(told(selector)).toThrow(expect.objectContaining({ code }));
  });

  test('where nobody has read what uses the devices', () => {
    const unread = factsOf({ pci: [gpu], hardware: null });
    expect(() => selectUnits(unread, [{ address: gpu.address }], 'node01')).toThrow(
      expect.objectContaining({ code: 'device.unknown' }),
    );
    expect(selectUnits(unread, [], 'node01')).toEqual([]);
  });
});

describe('once vfio-pci holds it', () => {
  const held = host([{ ...gpu, driver: 'vfio-pci' }, audio, { ...disk, driver: 'vfio-pci' }]);

  test.each([
    ['a driver beside ids', { id: '10de:2204', driver: 'nouveau' }],
    ['a serial beside the address', { address: disk.address, serial: 'S4EVNX0M' }],
  ] as const)('%s still finds it', (_name, selector) => {
    expect(selectUnits(held, [selector], 'node01')).toHaveLength(1);
  });

  test.each([{ driver: 'nouveau' }, { serial: 'S4EVNX0M' }])('%j alone says what to add', (selector) => {
    expect(() => selectUnits(held, [selector], 'node01')).toThrow(/by its address, too/);
  });

  test('a serial that can be read after all has to fit', () => {
    const known = host([{ ...disk, driver: 'vfio-pci' }], {
      block: [block('sda', { pci: disk.address, serial: 'Z' })],
    });
    expect(() => selectUnits(known, [{ address: disk.address, serial: 'Y' }], 'node01')).toThrow(/found serial Z/);
  });
});

describe('what goes together', () => {
  const units = (devices: readonly PciDevice[], selectors: DeviceSelector[], more = {}) =>
    selectUnits(host(devices, more), selectors, 'node01').map(({ selected, mates }) => [
      selected.map(({ address }) => address),
      mates.map(({ address }) => address),
    ]);

  test('the functions of a card', () => {
    expect(units([gpu, audio, disk], [{ address: gpu.address }])).toEqual([[[gpu.address], [audio.address]]]);
  });

  test('the functions of a card, also where the IOMMU is off', () => {
    const off = [gpu, audio, disk].map((device) => ({ ...device, iommuGroup: null }));
    expect(units(off, [{ address: gpu.address }])).toEqual([[[gpu.address], [audio.address]]]);
  });

  test('a group, and the cards of its devices, but no bridges', () => {
    const nic = pci('0000:5e:00.1 020000 8086:1572 i40e 30');
    const mate = pci('0000:60:00.0 020000 8086:1572 i40e 30');
    const bridge = pci('0000:5f:00.0 060401 1b21:1080 - 30');
    const all = [gpu, audio, disk, nic, bridge, mate];
    expect(units(all, [{ address: mate.address }])).toEqual([[[mate.address], [disk.address, nic.address]]]);
  });

  test('two chosen ones of a card are one unit, with all that either may', () => {
    const both = [
      { address: gpu.address, allow: ['boot-display'] },
      { address: audio.address, allow: ['data'] },
    ] as const;
    expect(selectUnits(facts, both, 'node01')).toMatchObject([{ mates: [], allow: ['boot-display', 'data'] }]);
  });

  test('a virtual function does not take its card along, nor the card it', () => {
    const pf = pci('0000:03:00.0 020000 15b3:1017 mlx5_core 20');
    const vf = pci('0000:03:00.2 020000 15b3:1018 mlx5_core 21');
    const more = { pci: { [vf.address]: detail({ physicalFunction: pf.address }) } };
    expect(units([pf, vf], [{ address: vf.address }], more)).toEqual([[[vf.address], []]]);
    expect(units([pf, vf], [{ address: pf.address }], more)).toEqual([[[pf.address], []]]);
  });

  test('one big group 0 is one unit', () => {
    const big = [gpu, audio, disk, other].map((device) => ({ ...device, iommuGroup: 0 }));
    expect(units(big, [{ id: '10de:2204' }])).toEqual([
      [
        [gpu.address, other.address],
        [audio.address, disk.address],
      ],
    ]);
  });
});

/** Machines of up to 24 devices in few slots and groups, so that they meet. */
const machine = fc.uniqueArray(
  fc.record({
    slot: fc.integer({ min: 0, max: 7 }),
    part: fc.integer({ min: 0, max: 3 }),
    group: fc.option(fc.integer({ min: 0, max: 6 })),
    bridge: fc.boolean(),
    virtual: fc.boolean(),
    chosen: fc.boolean(),
  }),
  { selector: ({ slot, part }) => `${slot}.${part}`, maxLength: 24 },
);

test('every chosen device is in one unit, a unit is closed under slot and group, and nothing else is taken', () => {
  fc.assert(
    fc.property(machine, (devices) => {
      const made = devices.map(({ slot, part, group, bridge, virtual, chosen: isChosen }) => ({
        device: pci(`0000:0${slot}:00.${part} ${bridge ? '060400' : '020000'} 8086:1572 - ${group ?? '-'}`),
        virtual,
        isChosen,
      }));
      const details = made.map(({ device, virtual }) => [
        device.address,
        detail({ physicalFunction: virtual ? 'x' : null }),
      ]);
      const known = host(
        made.map(({ device }) => device),
        { pci: Object.fromEntries(details) },
      );
      const wanted = made.filter(({ isChosen }) => isChosen).map(({ device }) => device.address);
      const units = selectUnits(
        known,
        wanted.map((address) => ({ address })),
        'node01',
      );
      expect(units.flatMap(({ selected }) => selected.map(({ address }) => address)).sort()).toEqual(wanted.sort());
      const isVirtual = new Map(made.map(({ device, virtual }) => [device.address, virtual]));
      const tied = (a: PciDevice, b: PciDevice): boolean =>
        (slotAt(a.address) === slotAt(b.address) && !isVirtual.get(a.address) && !isVirtual.get(b.address)) ||
        (a.iommuGroup !== null && a.iommuGroup === b.iommuGroup);
      for (const unit of units) {
        const inside = devicesOf(unit);
        for (const { device } of made) {
          const isBridge = device.class.startsWith('06') && !wanted.includes(device.address);
          const isTied = inside.some((member) => member.address !== device.address && tied(member, device));
          const isIn = inside.some(({ address }) => address === device.address);
          if (isIn) expect(isTied || unit.selected.some(({ address }) => address === device.address)).toBe(true);
          else expect(isTied && !isBridge).toBe(false);
        }
      }
    }),
  );
});

describe('displays that the host needs', () => {
  const board = pci('0000:03:00.0 030000 1a03:2000 ast 6', { bootVga: true });
  const shown = pci('0000:86:00.0 030000 10de:2204 nouveau 90', { bootVga: true });
  const bmc = pci('0000:03:00.0 030000 1a03:2000 ast 6');
  const addresses = (devices: readonly PciDevice[], selector: DeviceSelector): readonly string[] =>
    selectUnits(host(devices), [selector], 'node01').flatMap(({ selected }) => selected.map(({ address }) => address));
  const cards = [gpu.address, other.address];

  test.each([
    ['class', { class: '03' }],
    ['a count, which does not count them', { class: '03', count: 2 }],
    ['ids', { id: '10de:2204', count: 2 }],
    ['driver', { driver: 'nouveau' }],
  ] as const)('are left out by %s', (_name, selector) => {
    expect(addresses([bmc, gpu, shown, other], selector)).toEqual(cards);
  });

  test('are named with the reason, where others are taken', () => {
    expect(leftOutBy(host([board, gpu]), [{ class: '03' }]).map(leftOutText)).toEqual([
      expect.stringMatching(/^left out: 0000:03:00\.0: it is the display that the machine boots with/),
      expect.stringMatching(/^left out: 0000:03:00\.0: it belongs to the board's management controller.* allow bmc/),
    ]);
    expect(() => addresses([bmc, gpu, shown], { class: '03', count: 3 })).toThrow(
      /expected 3, found 1: 0000:3b:00\.0; left out: 0000:03:00\.0: .*; 0000:86:00\.0: it is the display/,
    );
  });

  test.each([
    ['by address', { address: shown.address }],
    ['by slot', { slot: '0000:86:00' }],
    ['with consent', { class: '03', allow: ['boot-display'] }],
  ] as const)('are taken %s', (_name, selector) => {
    expect(addresses([shown, audio], selector)).toEqual([shown.address]);
    expect(leftOutBy(host([shown, audio]), [selector])).toEqual([]);
  });

  test('need each consent that there is', () => {
    expect(() => addresses([board], { class: '03', allow: ['boot-display'] })).toThrow(/management controller/);
    expect(addresses([board], { class: '03', allow: ['boot-display', 'bmc'] })).toEqual([board.address]);
  });

  test('are told of where there is nothing else', () => {
    expect(() => addresses([bmc], { class: '03' })).toThrow(
      expect.objectContaining({ code: 'device.none', message: expect.stringContaining('management controller (BMC)') }),
    );
  });

  test('are not told of where another selector takes them', () => {
    const selectors = [{ class: '03' }, { address: shown.address }];
    expect(leftOutBy(host([gpu, shown]), selectors)).toEqual([]);
  });
});

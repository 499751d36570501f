import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deviceSelectors, parseSelectors, readSelector, selectorText } from '../../src/devices/selectors.ts';

describe('a text is read as', () => {
  test.each([
    ['0000:03:00.0', { address: '0000:03:00.0' }],
    ['03:00.0', { address: '0000:03:00.0' }],
    ['3:0.0', { address: '0000:03:00.0' }],
    [' 0000:3B:00.1 ', { address: '0000:3b:00.1' }],
    ['10000:e1:00.0', { address: '10000:e1:00.0' }],
    ['0001:01:00.0', { address: '0001:01:00.0' }],
    ['/sys/bus/pci/devices/0000:03:00.0', { address: '0000:03:00.0' }],
    ['pci_0000_03_00_0', { address: '0000:03:00.0' }],
    ['0000:03:00', { slot: '0000:03:00' }],
    ['10DE:1B06', { id: '10de:1b06' }],
    ['[8086:0953]', { id: '8086:0953' }],
    ['driver=nouveau', { driver: 'nouveau' }],
    ['class=0x0302', { class: '0302' }],
    ['serial = S4EVNX0M', { serial: 'S4EVNX0M' }],
    ['numa_node=1', null],
    ['physical_slot=PCIe Slot 3', { physicalSlot: 'PCIe Slot 3' }],
  ])('%s', (text, selector) => {
    const reading = readSelector(text);
    if (selector === null) expect(reading).toHaveProperty('mistake');
    else expect(reading).toEqual({ value: selector });
  });
});

describe('what cannot be meant is explained', () => {
  test.each([
    ['3b:00', 'for all functions of that slot write 0000:3b:00'],
    ['0000:3b:00.9', 'a function from 0 to 7'],
    ['0000:3b:20.0', 'a device from 00 to 1f'],
    ['10de:1b6', 'four hex digits each'],
    ['10de', 'expected an address'],
    ['gpu', 'expected an address'],
    ['', 'expected an address'],
    ['drivr=nouveau', 'did you mean "driver"?'],
    ['class=gpu', 'hex digits'],
    [180, 'in quotes'],
    [null, 'expected an address'],
    [{ address: '0000:03:00' }, 'say slot: 0000:03:00'],
    [{ slot: '0000:03:00.1' }, 'say address: 0000:03:00.1'],
    [{ class: 300 }, 'put it in quotes'],
    [{ serial: 12 }, 'put it in quotes'],
    [{ numaNode: 0 }, 'nothing else names a device'],
    [{ id: '10de:1b06', count: 0 }, 'a whole number from 1'],
    [{ id: '10de:1b06', allow: ['boot_display'] }, 'did you mean "boot-display"?'],
    [{ id: '10de:1b06', vendor: '10de' }, 'expected one of the keys'],
    [{}, 'expected at least one of'],
  ])('%j: %s', (given, words) => {
    const reading = readSelector(given);
    expect('mistake' in reading ? reading.mistake : reading).toContain(words);
  });
});

test('the keys of an object may be spelled as Ansible spells them', () => {
  const given = { id: '10DE:1B06', numa_node: 1, physical_slot: 3, count: '2', allow: 'data', serial: null };
  expect(readSelector(given)).toEqual({
    value: { id: '10de:1b06', numaNode: 1, physicalSlot: '3', count: 2, allow: ['data'] },
  });
});

describe('variables of a playbook', () => {
  const vars = z.object({ devices: deviceSelectors.default([]) });

  test('take a list, one alone, and what -e gives', () => {
    const one = [{ address: '0000:03:00.0' }];
    expect(vars.parse({})).toEqual({ devices: [] });
    expect(vars.parse({ devices: ['3:0.0'] })).toEqual({ devices: one });
    expect(vars.parse({ devices: { address: '3:0.0' } })).toEqual({ devices: one });
    expect(vars.parse({ devices: '03:00.0,10de:1b06' })).toEqual({ devices: [...one, { id: '10de:1b06' }] });
  });

  test('name each wrong one by its place in the list', () => {
    const { error } = vars.safeParse({ devices: ['03:00.0', 'gpu', { numaNode: 0 }] });
    expect(error?.issues.map(({ path }) => path.join('.'))).toEqual(['devices.1', 'devices.2']);
  });
});

test('a playbook that says a wrong one itself is told so', () => {
  expect(() => parseSelectors(['gpu'], 'checks.devicesFree')).toThrow(/checks.devicesFree: expected an address/);
});

const hex = (digits: number) =>
  fc.integer({ min: 0, max: 16 ** digits - 1 }).map((n) => n.toString(16).padStart(digits, '0'));
const address = fc
  .tuple(hex(4), hex(2), fc.integer({ min: 0, max: 31 }), fc.integer({ min: 0, max: 7 }))
  .map(([domain, bus, device, part]) => `${domain}:${bus}:${device.toString(16).padStart(2, '0')}.${part}`);

test('any address is read as itself, also without leading zeros and in upper case, and its text is read as it again', () => {
  fc.assert(
    fc.property(address, (full) => {
      const short = full.replaceAll(/(^|:)0+(?=[0-9a-f])/g, '$1').toUpperCase();
      for (const text of [full, short]) expect(readSelector(text)).toEqual({ value: { address: full } });
      expect(readSelector(selectorText({ address: full }))).toEqual({ value: { address: full } });
    }),
  );
});

test('whatever is given, it is read or explained', () => {
  fc.assert(
    fc.property(fc.anything(), (given) => {
      const reading = readSelector(given);
      expect('value' in reading || reading.mistake.length > 0).toBe(true);
    }),
  );
});

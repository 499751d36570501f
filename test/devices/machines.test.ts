import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Candidate } from '../../src/devices/candidate.ts';
import { candidatesOf } from '../../src/devices/candidates.ts';
import { isBridge } from '../../src/devices/identity.ts';
import { physicalFunction } from '../../src/devices/physical-function.ts';
import { requireFree } from '../../src/devices/require-free.ts';
import { selectUnits } from '../../src/devices/select.ts';
import type { DeviceSelector } from '../../src/devices/selector.ts';
import { readSelector } from '../../src/devices/selectors.ts';
import { selectUsb } from '../../src/devices/usb.ts';
import type { Facts, PciDevice } from '../../src/facts/facts.ts';
import { readCommandLine } from '../../src/lab/model/command-line.ts';
import { applyUdevRules, type UdevDevice } from '../../src/lab/model/udev-event.ts';
import { readUdevRules } from '../../src/lab/model/udev-rules.ts';
import { pciBinding } from '../../src/resources/pci-binding.ts';
import { keepingFiles } from '../../src/resources/pci-binding-files.ts';
import { stateOf } from '../boot/files.ts';
import { errorCode } from '../error-code.ts';
import { shells } from '../resources/shells.ts';
import { machineNames, pciOf, readExpected, readMachine } from './machine.ts';
import { machineFacts } from './machine-facts.ts';

/** As it may stand in an inventory. */
function selector(given: unknown): DeviceSelector {
  const reading = readSelector(given);
  if ('mistake' in reading) throw new Error(reading.mistake);
  return reading.value;
}

const addresses = (devices: readonly PciDevice[]): readonly string[] => devices.map(({ address }) => address);
const units = (facts: Facts, given: unknown) => selectUnits(facts, [selector(given)], 'node01');

function listed({ device, kind, standing, obstacles }: Candidate): string {
  const said = obstacles.map((one) => (one.device === device ? one.kind : `${one.kind}@${one.device}`));
  return [device, kind, standing, ...said].join(' ');
}

/** Rules of udev that bind some devices. */
function rulesFor(facts: Facts, devices: readonly PciDevice[]) {
  const bound = devices.map(({ address, vendor, device }) => ({
    address,
    id: `${vendor}:${device}`,
    former: null,
    serial: null,
  }));
  const [file] = keepingFiles(facts, { name: 'test', driver: 'vfio-pci', devices: bound, by: 'rule' });
  return typeof file?.content === 'string' ? file.content : '';
}

const read = new Map<string, Promise<Facts>>();

/** The facts of a machine, read once. */
function named(name: string): Promise<Facts> {
  const facts = read.get(name) ?? machineFacts(readMachine(name));
  read.set(name, facts);
  return facts;
}

describe.each(machineNames)('%s', (name) => {
  const machine = readMachine(name);
  const expected = readExpected(name);
  const places = pciOf(machine);
  let facts: Facts;
  beforeAll(async () => {
    facts = await named(name);
  });

  test('says where it is described, what was made up and what was left out', () => {
    expect(machine.source).toBe('public');
    expect(machine.address).toMatch(
      /^https:\/\/(?:github\.com\/\S+\/(?:issues|pull)\/\d+|github\.com\/\S+\/blob\/[0-9a-f]{40}\/|lore\.kernel\.org\/)/,
    );
    for (const note of [machine.told, machine.filledIn, machine.leftOut]) expect(note.length).toBeGreaterThan(10);
  });

  test('its devices are those of the list, with all that the list tells', () => {
    expect(facts.pci).toHaveLength(places.length);
    for (const { address, class: code, id, driver, group, revision, more } of places) {
      const found = facts.pci.find((device) => device.address === address);
      expect(found).toMatchObject({ class: code, driver, iommuGroup: group, bootVga: more.has('boot_vga') });
      expect(`${found?.vendor}:${found?.device}`).toBe(id);
      expect(found?.numaNode).toBe(more.has('node') ? Number(more.get('node')) : null);
      expect(facts.hardware?.pci[address]).toMatchObject({
        revision,
        subsystem: more.get('subsystem') ?? null,
        physicalFunction: more.get('physfn') ?? null,
      });
    }
  });

  test('its list tells what could be passed through, and what stands in the way', () => {
    expect(candidatesOf(facts, { open: [], names: new Map() }).map(listed)).toEqual(expected.devices);
  });

  test.each(expected.units ?? [])('$select means $selected, and takes $mates along', ({ select, selected, mates }) => {
    const [unit] = units(facts, select);
    expect([addresses(unit?.selected ?? []), addresses(unit?.mates ?? [])]).toEqual([selected, mates]);
  });

  test.each(expected.refused ?? [])('$select is refused: $code', ({ select, code }) => {
    expect(errorCode(() => requireFree(facts, units(facts, select), 'node01', []))).toBe(code);
  });

  test.each(Object.entries(expected.functions ?? {}))('%s has the virtual functions %j', (address, functions) => {
    const device = facts.pci.find((one) => one.address === address);
    if (device === undefined) throw new Error(address);
    expect(addresses(physicalFunction(facts, device)?.functions ?? [])).toEqual(functions);
  });

  test.each(expected.usb ?? [])('what is plugged into $port is found as number $device', ({ port, id, device }) => {
    expect(selectUsb(facts, { port, id }, 'node01').device).toBe(device);
  });

  test('a rule binds each endpoint where it is, and nothing else', () => {
    for (const device of facts.pci.filter((one) => !isBridge(one))) {
      const { rules, unknown } = readUdevRules('82-vfleet-test.rules', rulesFor(facts, [device]));
      expect(unknown).toEqual([]);
      const bound = places.filter(({ path, address, id }) => {
        const attributes = new Map(id.split(':').map((digits, i) => [['vendor', 'device'][i], `0x${digits}`]));
        const event: UdevDevice = {
          ...{ action: 'add', kernel: address, subsystem: 'pci', devpath: `/devices/${path}`, driver: null },
          ...{ commandLine: readCommandLine('quiet'), attribute: (key) => attributes.get(key) ?? null },
        };
        return applyUdevRules(rules, event).written.get('driver_override') === 'vfio-pci';
      });
      expect(bound.map(({ address }) => address)).toEqual([device.address]);
    }
  });
});

test.each(shells.map((words) => [words.join(' '), words] as const))('%s reads the same', async (_name, shell) => {
  const found = await machineFacts(readMachine('arm-altra'), shell);
  const { pci, hardware, iommu } = await named('arm-altra');
  expect([found.pci, found.hardware, found.iommu]).toEqual([pci, hardware, iommu]);
});

test('the documentation names each, and counts them', () => {
  const text = readFileSync(new URL('../../docs/devices.md', import.meta.url), 'utf8');
  expect(machineNames.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  const places = new Set(machineNames.map((name) => readMachine(name).address));
  expect(text).toContain(`${machineNames.length} are of ${places.size} machines`);
});

test('a rule names the domain, and the bridges in it', async () => {
  const facts = await named('arm-altra');
  const text = rulesFor(
    facts,
    facts.pci.filter(({ address }) => ['0005:03:00.0', '000d:03:00.1'].includes(address)),
  );
  expect(text).toContain(
    'KERNEL=="0005:03:00.0", DEVPATH=="*/pci0005:??/0005:00:05.0/0005:03:00.0", ATTR{vendor}=="0x126f"',
  );
  expect(text).toContain(
    'KERNEL=="000d:03:00.1", DEVPATH=="*/pci000d:??/000d:00:01.0/000d:01:00.0/000d:02:00.0/000d:03:00.1"',
  );
});

test('a device that no IOMMU has a group for is not bound, and the list says why', async () => {
  const facts = await named('arm-no-group');
  const change = () =>
    pciBinding([{ address: '0001:01:00.0' }], { name: 'test' }).change(
      stateOf({}, { open: { code: 0, stdout: 'root\n' } }),
      { host: 'node01', facts, ownedArguments: {} },
    );
  expect(change).toThrow(/0001:01:00.0: expected an IOMMU group, found none, though others have theirs/);
  const [gpu] = candidatesOf(facts, { open: [], names: new Map() });
  expect(gpu?.notes.join('; ')).toMatch(/no IOMMU group, though others have theirs/);
});

test('a device that is plugged in again has the facts that it had, but for its number', async () => {
  for (const which of ['usb-ftdi', 'usb-arduino']) {
    const [before, after] = await Promise.all([named(`${which}-before`), named(`${which}-after`)]);
    const [first] = before.hardware?.usb ?? [];
    expect(after.hardware?.usb).toEqual([{ ...first, device: after.hardware?.usb[0]?.device }]);
    expect(after.hardware?.serial).toEqual(before.hardware?.serial);
  }
});

test('a disk behind one VMD controller is not said to be behind the other', async () => {
  const facts = await named('vmd-two-controllers');
  expect(errorCode(() => requireFree(facts, units(facts, '0000:57:05.5'), 'node01', []))).toBe('none');
});

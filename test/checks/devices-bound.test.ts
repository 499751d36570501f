import { describe, expect, test } from 'vitest';
import { checks } from '../../src/checks/checks.ts';
import type { BoundDevices, DevicesBoundOptions } from '../../src/checks/devices-bound.ts';
import type { Facts, PciDevice } from '../../src/facts/facts.ts';
import { input } from './input.ts';

const gpu = '0000:3b:00.0';
const audio = '0000:3b:00.1';
const change = (changes: Readonly<Record<string, Partial<PciDevice>>>) => (facts: Facts) => ({
  pci: facts.pci.map((device) => ({ ...device, ...changes[device.address] })),
});
const judge = (
  devices?: BoundDevices,
  changes: Readonly<Record<string, Partial<PciDevice>>> = {},
  options?: DevicesBoundOptions,
) => checks.devicesBound(devices, options).judge(input('centos-7-intel', change(changes)));

test.each([
  ['a full address', [gpu]],
  ['an address of domain 0', ['3b:00.0']],
  ['both functions', [gpu, audio]],
  ['ids', ['10DE:13C2']],
  ['a slot', ['0000:3b:00']],
  ['an object', [{ address: gpu, id: '10de:13c2' }]],
  ['a class', [{ class: '0403', count: 1 }]],
  ['a test', (device: PciDevice) => device.vendor === '10de'],
] as const)('%s of bound devices passes', (_name, devices) => {
  expect(judge(devices)).toMatchObject({ check: 'devices-bound', outcome: 'pass' });
});

test('with no device named it does not apply', () => {
  expect(judge().outcome).toBe('not-applicable');
  expect(judge([]).outcome).toBe('not-applicable');
  expect(judge(() => false).outcome).toBe('not-applicable');
});

describe('it fails', () => {
  test.each([
    ['for a device that is not there', ['0000:99:00.0'], {}, '0000:99:00.0 is not on this host'],
    ['for ids that no device has', [gpu, '10de:ffff'], {}, '10de:ffff is not on this host'],
    [
      'for other ids at the address',
      [{ address: gpu, id: '10de:1b06' }],
      {},
      'expected id 10de:1b06, found id 10de:13c2',
    ],
    ['for another number', [{ slot: '0000:3b:00', count: 1 }], {}, 'expected 1, found 2'],
    ['for a host driver', ['0000:5e:00.0'], {}, '0000:5e:00.0 is held by nvme'],
    ['for no driver at all', [gpu], { [gpu]: { driver: null } }, `${gpu} has no driver`],
    ['without a group', [gpu], { [gpu]: { iommuGroup: null } }, 'in no IOMMU group'],
    ['for a group mate on a host driver', [gpu], { [audio]: { driver: 'snd_hda_intel' } }, `${audio} (snd_hda_intel)`],
    ['when nothing keeps it', [gpu], { [gpu]: { driverOverride: null } }, 'over a reboot'],
    ['when another override is set', [gpu], { [gpu]: { driverOverride: 'nouveau' } }, 'over a reboot'],
  ] as const)('%s', (_name, devices, changes, words) => {
    const verdict = judge(devices, changes);
    expect(verdict.outcome).toBe('fail');
    expect(verdict.found).toContain(words);
    expect(verdict.remedy).toBeDefined();
  });

  test('and names every fault at once', () => {
    const { found } = judge([gpu, '0000:5e:00.0', '99:00.0']);
    expect(found).toContain('nvme');
    expect(found).toContain('99:00.0');
  });
});

describe('in the group', () => {
  test.each(['pci-stub', 'vfio-pci', null])('an endpoint with driver %s does no harm', (driver) => {
    expect(judge([gpu], { [audio]: { driver } }).outcome).toBe('pass');
  });

  test('bridges do not count', () => {
    const bridge = { '0000:00:1f.0': { iommuGroup: 5, class: '060400', driver: 'pcieport' } };
    expect(judge([gpu], bridge).outcome).toBe('pass');
    expect(judge([gpu], { '0000:5e:00.0': { iommuGroup: 5 } }).found).toContain('0000:5e:00.0 (nvme)');
  });

  test('a bridge that leads to no other bus counts, once it has a driver', () => {
    const isa = (driver: string | null) => ({ '0000:00:1f.0': { iommuGroup: 5, class: '060100', driver } });
    expect(judge([gpu], isa(null)).outcome).toBe('pass');
    expect(judge([gpu], isa('lpc_ich')).found).toContain('0000:00:1f.0 (lpc_ich)');
  });
});

describe('what keeps a binding', () => {
  const bare = { [gpu]: { driverOverride: null } };

  test('ids on the command line do', () => {
    for (const ids of ['10de:13c2', '1000:1000,10DE:13C2', '10de:13c2:ffff:ffff']) {
      const facts = (known: Facts) => ({
        ...change(bare)(known),
        boot: { ...known.boot, running: `vfio_pci.ids=${ids}` },
      });
      expect(checks.devicesBound([gpu]).judge(input('centos-7-intel', facts)).outcome).toBe('pass');
    }
  });

  test('an agent may', () => {
    expect(judge([gpu], bare, { persistent: false }).outcome).toBe('pass');
  });
});

test.each(['3b:00', 'gpu', '10de', '0000:3b:00.9', ''])('the text %j is refused when the check is made', (text) => {
  expect(() => checks.devicesBound([text])).toThrow(expect.objectContaining({ code: 'device.selector' }));
});

test('the evidence is lspci of the devices, quoted', () => {
  const text = checks.devicesBound([gpu]).evidence?.(input('centos-7-intel').facts).text ?? '';
  expect(text).toContain(`for address in '${gpu}'; do`);
  expect(text).toContain('lspci -nnk -s "$address"');
});

describe('what the kernel has logged of a device', () => {
  const rejected = `vfio-pci: probe of ${gpu} failed with error -22`;
  const newer = `vfio-pci ${gpu}: probe with driver vfio-pci failed with error -22`;
  const reserved = `vfio-pci ${gpu}: Device is ineligible for IOMMU domain attach due to platform RMRR requirement.  Contact your platform vendor.`;
  const other = 'vfio-pci: probe of 0000:99:00.0 failed with error -22';
  const logged = (lines: readonly string[], more: Partial<PciDevice> = { driver: null }, groups = true) =>
    checks.devicesBound([gpu]).judge(
      input('centos-7-intel', (facts) => ({
        ...change({ [gpu]: more })(facts),
        log: { lines, source: 'dmesg' },
        ...(!groups && { iommu: { ...facts.iommu, groups: [] } }),
      })),
    );

  test.each([rejected, newer, reserved])('is shown where it is not fit: %s', (line) => {
    const { outcome, evidence } = logged([other, line]);
    expect(outcome).toBe('fail');
    expect(evidence).toContain(`kernel log: ${line}`);
    expect(evidence.join()).not.toContain(other);
  });

  test('says what helps', () => {
    expect(logged([reserved]).remedy).toContain('RMRR');
    expect(logged([rejected], { driver: null }, false).remedy).toContain('iommu-active');
    expect(logged([rejected]).remedy).not.toContain('iommu-active');
  });

  test('of memory that the firmware keeps is noted where it is held, too, as a guest would fail', () => {
    const { outcome, evidence } = logged([reserved], {});
    expect(outcome).toBe('pass');
    expect(evidence.join()).toMatch(/kernel log: .*RMRR.*note: no guest may start with it/);
  });

  test('is history where it is held, and no loss where the log may not be read', () => {
    expect(logged([rejected], {}).evidence.join()).not.toContain('kernel log');
    expect(logged([rejected], {}).outcome).toBe('pass');
    const unread = checks.devicesBound([gpu]).judge(
      input('centos-7-intel', (facts) => ({
        ...change({ [gpu]: { driver: null } })(facts),
        log: { lines: null, source: null },
      })),
    );
    expect(unread.outcome).toBe('fail');
  });
});

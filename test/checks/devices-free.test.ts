import { expect, test } from 'vitest';
import { checks } from '../../src/checks/checks.ts';
import type { DeviceSelector } from '../../src/devices/selector.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { factsOf } from '../boot/facts.ts';
import { block, host, net, pci } from '../devices/facts.ts';

const nic = pci('0000:18:00.0 020000 8086:1572 i40e 20');
const disk = pci('0000:5e:00.0 010802 144d:a808 nvme 30');
const facts = host([nic, disk], {
  net: [net('eth0', { pci: nic.address, ssh: true })],
  block: [block('nvme0n1', { pci: disk.address, signature: 'xfs' })],
});
const judge = (devices: readonly (string | DeviceSelector)[], known: Facts = facts) =>
  checks.devicesFree(devices).judge({ host: 'node01', facts: known, wants: {}, evidence: null });

test('with no device named it does not apply', () => {
  expect(judge([]).outcome).toBe('not-applicable');
});

test('what the host can do without passes, with what is known of it', () => {
  const verdict = judge([{ address: disk.address, allow: ['data'] }]);
  expect(verdict).toMatchObject({ check: 'devices-free', outcome: 'pass' });
  expect(verdict.evidence).toEqual([expect.stringContaining('0000:5e:00.0 [144d:a808]')]);
  expect(verdict.remedy).toBeUndefined();
});

test('where the IOMMU is off it says that mates are not known yet', () => {
  const off = host([{ ...disk, iommuGroup: null }]);
  expect(judge([disk.address], off)).toMatchObject({
    outcome: 'pass',
    found: expect.stringContaining('once the IOMMU is on'),
  });
});

test('every obstacle of every device is named, with remedy and consent', () => {
  const { outcome, found, evidence, remedy } = judge([nic.address, disk.address]);
  expect(outcome).toBe('fail');
  expect(found).toContain('0000:18:00.0: eth0 carries this SSH connection');
  expect(found).toContain('0000:5e:00.0: disk nvme0n1: nvme0n1 has xfs on it');
  expect(evidence[0]).toMatch(/ssh-path: .*nothing lets it pass/);
  expect(evidence[1]).toMatch(/data: .*allow: \[data\] lets it pass/);
  expect(remedy).toContain('another interface');
});

test.each([
  ['a device that is not there', ['0000:99:00.0'], 'expected it on this host, found none'],
  ['another device at the address', [{ address: nic.address, id: '10de:2204' }], 'expected id 10de:2204'],
  ['another number', [{ id: '8086:1572', count: 2 }], 'expected 2, found 1'],
] as const)('%s fails', (_name, devices, words) => {
  expect(judge(devices)).toMatchObject({
    outcome: 'fail',
    found: expect.stringContaining(words),
    remedy: expect.any(String),
  });
});

test('facts of an older probe leave it unknown', () => {
  const old = factsOf({ pci: [disk], hardware: null });
  expect(judge([disk.address], old)).toMatchObject({ outcome: 'unknown', remedy: expect.any(String) });
});

test('the evidence shows the devices by lspci, and breaks for none', () => {
  expect(checks.devicesFree([disk.address]).evidence?.(facts).text).toContain("for address in '0000:5e:00.0'");
  expect(checks.devicesFree(['0000:99:00.0']).evidence?.(facts).text).toContain('ls /dev/vfio');
});

test('a display that is left out does not stand in the way of the others, and is told of', () => {
  const card = pci('0000:3b:00.0 030000 10de:2204 nouveau 12');
  const bmc = pci('0000:03:00.0 030000 1a03:2000 ast 6');
  const verdict = judge(['class=03'], host([card, bmc]));
  expect(verdict).toMatchObject({ outcome: 'pass', found: 'The host can do without 0000:3b:00.0.' });
  expect(verdict.evidence.join()).toMatch(/left out: 0000:03:00\.0: .*\(BMC\)/);
  expect(judge([bmc.address], host([card, bmc]))).toMatchObject({
    outcome: 'fail',
    found: expect.stringContaining('(BMC)'),
  });
});

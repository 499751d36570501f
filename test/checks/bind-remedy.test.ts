import { describe, expect, test } from 'vitest';
import { checks } from '../../src/checks/checks.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { detail, host, pci } from '../devices/facts.ts';

const gpu = pci('0000:3b:00.0 030000 10de:2204 nouveau 12');
const disk = pci('0000:5e:00.0 010802 144d:a808 nvme 30');
const nic = pci('0000:18:00.0 020000 8086:1572 i40e 20');
const remedy = (facts: Facts, address: string): string | undefined =>
  checks.devicesBound([address]).judge({ host: 'node01', facts, wants: {}, evidence: null }).remedy;

describe('what binds a device that vfio-pci does not hold is', () => {
  test.each([
    [gpu, 'bind it: vfleet apply gpu'],
    [disk, 'bind it: vfleet apply nvme'],
    [nic, 'bind it: vfleet apply custom-pci'],
  ])('the playbook of its kind: %j', (device, expected) => {
    expect(remedy(host([device]), device.address)).toBe(expected);
  });

  test('or driverctl, where that is installed', () => {
    const facts = host([disk], { driverctl: true });
    expect(remedy(facts, disk.address)).toBe(
      'bind it: vfleet apply nvme (or driverctl set-override 0000:5e:00.0 vfio-pci)',
    );
  });

  test('the playbook whose rule names it already, and nothing else', () => {
    const bound = [{ address: disk.address, id: '144d:a808', former: 'nvme', serial: null, binding: 'custom-pci' }];
    expect(remedy(host([disk], { driverctl: true, bound }), disk.address)).toBe('bind it: vfleet apply custom-pci');
  });

  test('sriov, of a virtual function; and of a card that has some its undo', () => {
    const vf = pci('0000:18:02.0 020000 8086:154c iavf 21');
    const facts = host([nic, vf], {
      pci: {
        [nic.address]: detail({ sriov: { total: 8, active: 1, autoprobe: true } }),
        [vf.address]: detail({ physicalFunction: nic.address }),
      },
    });
    expect(remedy(facts, vf.address)).toBe('bind it: vfleet apply sriov');
    expect(remedy(facts, nic.address)).toContain('vfleet undo sriov');
  });
});

import { describe, expect, test } from 'vitest';
import { checks } from '../../src/checks/checks.ts';
import type { Facts, ModuleFact } from '../../src/facts/facts.ts';
import { input } from './input.ts';

const check = checks.vfioLoaded();
const set = (states: Readonly<Record<string, ModuleFact['running']>>) => (facts: Facts) => ({
  modules: {
    loaded: [],
    vfio: facts.modules.vfio.map((module) => ({
      ...module,
      running: module.name in states ? (states[module.name] ?? null) : module.running,
    })),
  },
});

test.each([
  ['centos-7-intel', 'pass', 'vfio_virqfd'],
  ['ubuntu-22.04-intel', 'pass', 'built into the kernel'],
  ['debian-13-amd', 'pass', 'vfio, vfio_iommu_type1, vfio_pci.'],
  ['proxmox-8-zfs', 'pass', 'vfio_pci'],
  ['debian-12-intel', 'fail', 'Not loaded: vfio, vfio_iommu_type1, vfio_pci, vfio_virqfd'],
  ['fedora-coreos-ostree', 'fail', 'Not loaded: vfio, vfio_iommu_type1, vfio_pci.'],
  ['debian-12-microvm', 'unknown', 'vfio'],
])('%s: %s, %s', (name, outcome, words) => {
  const verdict = check.judge(input(name));
  expect(verdict).toMatchObject({ check: 'vfio-loaded', outcome });
  expect(verdict.found).toContain(words);
  expect(verdict.remedy === undefined).toBe(outcome === 'pass');
});

describe('vfio_virqfd', () => {
  test('is not missed where the kernel has none', () => {
    expect(check.judge(input('centos-7-intel', set({ vfio_virqfd: 'absent' }))).outcome).toBe('pass');
  });

  test('is missed where the kernel has it as a module', () => {
    const verdict = check.judge(input('centos-7-intel', set({ vfio_virqfd: 'available' })));
    expect(verdict).toMatchObject({ outcome: 'fail', found: 'Not loaded: vfio_virqfd.' });
  });
});

test('a kernel without vfio is named', () => {
  const verdict = check.judge(input('centos-7-intel', set({ vfio: 'absent', vfio_pci: 'absent' })));
  expect(verdict.found).toBe('Kernel 3.10.0-1160.119.1.el7.x86_64 has no vfio, vfio_pci.');
  expect(verdict.remedy).toContain('generic');
});

test('type1 is not taken for granted when vfio_pci is loaded', () => {
  expect(check.judge(input('centos-7-intel', set({ vfio_iommu_type1: 'available' }))).outcome).toBe('fail');
});

test('other vfio modules that the playbook wishes for are judged too', () => {
  const wants = { modules: ['vfio-mdev', 'br_netfilter'] };
  expect(check.judge(input('centos-7-intel', undefined, wants)).found).toContain('vfio_mdev');
  expect(check.judge(input('centos-7-intel', set({ vfio_mdev: 'loaded' }), wants)).outcome).toBe('pass');
});

test('a running kernel that was removed from the disk is said to be', () => {
  const gone = (facts: Facts) => ({
    ...set({ vfio: null })(facts),
    kernel: { ...facts.kernel, installed: ['3.10.0-1'] },
  });
  expect(check.judge(input('centos-7-intel', gone)).remedy).toContain('reboot');
});

test("the guide's commands are shown", () => {
  const text = check.evidence?.(input('centos-7-intel').facts).text ?? '';
  expect(text).toContain('lsmod 2>&1 | grep vfio');
  expect(text).toContain('dmesg 2>&1 | grep -i -e vfio');
});

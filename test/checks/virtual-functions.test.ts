import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/checks/check.ts';
import { sriovHints } from '../../src/checks/sriov-hints.ts';
import { virtualFunctionsMade } from '../../src/checks/virtual-functions.ts';
import { type Nic, nicFacts, pfAddress } from '../resources/nic.ts';

const wish = { pf: { address: pfAddress }, count: 2 };
const check = virtualFunctionsMade(wish);

function judge(nic: Nic, evidence: string | null = null): Verdict {
  return check.judge({ host: 'node01', facts: nicFacts(nic), wants: {}, evidence });
}

it('passes where all are there, each with its driver', () => {
  expect(judge({ functions: ['vfio-pci', 'vfio-pci'] })).toMatchObject({
    outcome: 'pass',
    found: 'As wished: 0000:3b:00.0: 2 (vfio-pci).',
  });
});

it.each([
  [{}, '0000:3b:00.0 has 0, not 2.', 'systemctl status'],
  [{ total: 1 }, '0000:3b:00.0 has 0 of 1 possible, not 2.', 'SR-IOV on in the BIOS'],
  [{ total: 1, vendor: '15b3' }, '0000:3b:00.0 has 0 of 1 possible, not 2.', 'cold reboot'],
  [{ total: null }, '0000:3b:00.0 can have none.', 'BIOS'],
  [{ functions: ['vfio-pci', 'iavf'] }, 'not with vfio-pci: 0000:3b:02.1 (iavf).', 'systemctl restart'],
] as const)('fails with %j', (nic: Nic, found, remedy) => {
  expect(judge(nic)).toMatchObject({ outcome: 'fail', found, remedy: expect.stringContaining(remedy) });
});

describe('for guests, the IOMMU groups of the functions', () => {
  const functions = ['vfio-pci', 'vfio-pci'];
  const found = (groups: readonly (number | null)[]) => judge({ driver: 'igb', functions, groups });

  it('may be shared among themselves', () => {
    expect(found([30, 30]).outcome).toBe('pass');
  });

  it('fail where the NIC, with its own driver, is in them: QEMU would take none of them', () => {
    expect(found([21, 20])).toMatchObject({
      outcome: 'fail',
      found: 'group 20 of 0000:3b:02.1 is not viable: 0000:3b:00.0 (igb).',
      remedy: expect.stringMatching(/another slot.*ACS on in the BIOS/),
    });
  });

  it('fail where there are none', () => {
    expect(found([21, null])).toMatchObject({ outcome: 'fail', found: '0000:3b:02.1 is in no IOMMU group.' });
  });

  it('do not count for functions of the host', () => {
    const own = virtualFunctionsMade({ ...wish, driver: 'host' });
    const facts = nicFacts({ functions: ['iavf', 'iavf'], groups: [20, 20] });
    expect(own.judge({ host: 'node01', facts, wants: {}, evidence: null }).outcome).toBe('pass');
  });
});

it('names what the kernel says of why', () => {
  const line = 'ixgbe 0000:3b:00.0: not enough MMIO resources for SR-IOV';
  expect(judge({}, line).remedy).toContain('pci=realloc');
  expect(
    sriovHints(['mlx5_core 0000:3b:00.1: wait_func:1: ENABLE_HCA(0x104) timeout. Will cause a leak']),
  ).toHaveLength(1);
  expect(sriovHints(['i40e 0000:3b:00.0: Allocating 2 VFs.'])).toEqual([]);
});

it('does not guess', () => {
  const facts = { ...nicFacts(), hardware: null };
  expect(check.judge({ host: 'node01', facts, wants: {}, evidence: null }).outcome).toBe('unknown');
  expect(virtualFunctionsMade().judge({ host: 'node01', facts, wants: {}, evidence: null }).outcome).toBe(
    'not-applicable',
  );
});

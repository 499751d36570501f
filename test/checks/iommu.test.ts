import { describe, expect, test } from 'vitest';
import { checks } from '../../src/checks/checks.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { input, running } from './input.ts';

const iommu = (change: Partial<Facts['iommu']>) => (facts: Facts) => ({ iommu: { ...facts.iommu, ...change } });
const off = { units: [], groups: [] };

describe('iommuInFirmware', () => {
  const check = checks.iommuInFirmware();

  test.each([
    ['centos-7-intel', 'pass', 'DMAR'],
    ['openeuler-22.03-amd', 'pass', 'IVRS'],
    ['openeuler-22.03-arm64', 'pass', 'IORT'],
    ['rocky-9-bls', 'pass', 'DMAR'],
    ['debian-12-no-rights', 'pass', 'DMAR'],
    ['debian-12-vtd-off', 'fail', 'no IOMMU'],
    ['debian-12-microvm', 'fail', 'virtual machine'],
  ])('%s: %s, %s', (name, outcome, words) => {
    const verdict = check.judge(input(name));
    expect(verdict).toMatchObject({ check: 'iommu-in-firmware', outcome });
    expect(verdict.found).toContain(words);
    expect(verdict.remedy === undefined).toBe(outcome === 'pass');
  });

  test.each([
    ['intel', 'Intel VT-d'],
    ['amd', 'AMD-Vi'],
    ['hygon', 'AMD-Vi'],
    ['arm', 'SMMU'],
    [null, 'VT-d, AMD IOMMU'],
  ] as const)('names the switch of a CPU by %s: %s', (vendor, words) => {
    const verdict = check.judge(input('debian-12-vtd-off', (facts) => ({ cpu: { ...facts.cpu, vendor } })));
    expect(verdict.remedy).toContain(words);
  });

  test('a virtual machine is told to get a virtual IOMMU, not to look for a BIOS', () => {
    expect(check.judge(input('debian-12-microvm')).remedy).toMatch(/intel-iommu/);
  });

  test('tables that could not be read are unknown, unless an IOMMU runs', () => {
    const unread = check.judge(input('debian-12-vtd-off', iommu({ firmware: null })));
    expect(unread).toMatchObject({ outcome: 'unknown' });
    expect(unread.remedy).toBeDefined();
    expect(check.judge(input('centos-7-intel', iommu({ firmware: null }))).outcome).toBe('pass');
    expect(check.judge(input('centos-7-intel', iommu({ firmware: 'none' }))).outcome).toBe('pass');
  });

  test('acpi=off is named', () => {
    const verdict = check.judge(
      input('debian-12-vtd-off', (facts) => ({
        ...iommu({ firmware: null })(facts),
        ...running('ro acpi=off')(facts),
      })),
    );
    expect(verdict.remedy).toContain('acpi=off');
  });

  test('a CPU that does not go with the table is noted, and decides nothing', () => {
    const verdict = check.judge(input('centos-7-intel', (facts) => ({ cpu: { ...facts.cpu, vendor: 'amd' } })));
    expect(verdict.outcome).toBe('pass');
    expect(verdict.evidence.join('\n')).toContain('note: a GenuineIntel CPU goes with table IVRS');
    expect(check.judge(input('centos-7-intel')).evidence.join('\n')).not.toContain('note:');
  });
});

describe('iommuActive', () => {
  const check = checks.iommuActive();

  test.each([
    ['centos-7-intel', 'pass', '2 units, 7 groups; interrupt remapping is on'],
    ['debian-12-intel', 'pass', '1 unit, 7 groups'],
    ['openeuler-22.03-arm64', 'pass', 'interrupt remapping is unknown'],
    ['almalinux-8-bls', 'pass', 'interrupt remapping is off'],
    ['debian-12-no-rights', 'pass', '7 groups'],
    ['debian-12-vtd-off', 'fail', 'no table'],
    ['rocky-9-bls', 'fail', 'intel_iommu=on is missing'],
  ])('%s: %s, %s', (name, outcome, words) => {
    const verdict = check.judge(input(name));
    expect(verdict).toMatchObject({ check: 'iommu-active', outcome });
    expect(verdict.found).toContain(words);
  });

  test('state A: the remedy is in the BIOS', () => {
    expect(check.judge(input('debian-12-vtd-off')).remedy).toContain('BIOS');
  });

  test('state B with the argument configured: reboot', () => {
    expect(check.judge(input('rocky-9-bls')).remedy).toContain('reboot');
    const missing = check.judge(input('rocky-9-bls', (facts) => ({ boot: { ...facts.boot, entries: [] } })));
    expect(missing.remedy).toContain('grubby --update-kernel=ALL');
  });

  test.each([
    ['ro intel_iommu=on intel_iommu=off', 'intel_iommu=off'],
    ['ro iommu=off', 'iommu=off'],
    ['ro intel_iommu=sm_on,off', 'intel_iommu=sm_on,off'],
    ['ro noiommu', 'noiommu'],
  ])('state B with %j names %s', (line, token) => {
    const verdict = check.judge(
      input('centos-7-intel', (facts) => ({ ...iommu(off)(facts), ...running(line)(facts) })),
    );
    expect(verdict.outcome).toBe('fail');
    expect(verdict.found).toContain(token);
    expect(verdict.remedy).toContain(`remove ${token}`);
  });

  test('state B of a cloud kernel names the kernel', () => {
    const verdict = check.judge(
      input('debian-13-amd', (facts) => ({
        ...iommu(off)(facts),
        kernel: { ...facts.kernel, running: '6.12.1-cloud-amd64' },
      })),
    );
    expect(verdict.found).toContain('cloud kernel');
  });

  test('state B of arm64 says that the table may describe no SMMU', () => {
    expect(check.judge(input('openeuler-22.03-arm64', iommu(off))).found).toContain('no SMMU');
  });

  test('state C quotes the log', () => {
    const verdict = check.judge(input('centos-7-intel', iommu({ groups: [] })));
    expect(verdict).toMatchObject({ outcome: 'fail' });
    expect(verdict.found).toContain('failed to start');
    expect(verdict.evidence.join('\n')).toContain('Host address width');
  });

  test('with nothing to read it is unknown', () => {
    expect(check.judge(input('centos-7-intel', iommu({ ...off, firmware: null }))).outcome).toBe('unknown');
  });

  test('without interrupt remapping the argument that VFIO then needs is noted', () => {
    expect(check.judge(input('almalinux-8-bls')).evidence.join('\n')).toContain('allow_unsafe_interrupts=1');
    expect(check.judge(input('centos-7-intel')).evidence.join('\n')).not.toContain('allow_unsafe_interrupts');
  });

  test("the guide's command is shown, and what it prints stands in the evidence", () => {
    expect(check.evidence?.(input('centos-7-intel').facts).text).toContain(
      'dmesg 2>&1 | grep -e DMAR -e IOMMU -e AMD-Vi',
    );
    const verdict = check.judge({ ...input('centos-7-intel'), evidence: '$ dmesg\nDMAR: IOMMU enabled\n\n' });
    expect(verdict.evidence.slice(-2)).toEqual(['$ dmesg', 'DMAR: IOMMU enabled']);
  });
});

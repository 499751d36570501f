import { describe, expect, test } from 'vitest';
import { checks } from '../../src/checks/checks.ts';
import type { BootEntry, Facts } from '../../src/facts/facts.ts';
import { input, running } from './input.ts';

const guide = ['intel_iommu=on', 'iommu=pt', 'vfio_iommu_type1.allow_unsafe_interrupts=1'];
const line = guide.join(' ');
const entry = (
  title: string,
  text: string,
  isDefault = false,
  kernel: string | null = '6.1.0-44-amd64',
): BootEntry => ({
  title,
  kernel,
  arguments: text,
  default: isDefault,
});
const boot = (now: string, entries: readonly BootEntry[] | null) => (facts: Facts) => ({
  boot: { ...facts.boot, running: now, entries },
});
const judge = (now: string, entries: readonly BootEntry[] | null, tokens: readonly string[] = guide) =>
  checks.kernelArgumentsActive(tokens).judge(input('debian-12-intel', boot(now, entries)));

test.each([
  ['centos-7-intel', guide, 'pass'],
  ['ubuntu-22.04-intel', ['intel_iommu=on', 'iommu=pt'], 'pass'],
  ['debian-13-amd', ['iommu=pt'], 'pass'],
  ['almalinux-8-bls', ['intel_iommu=on', 'iommu=pt'], 'pass'],
  ['debian-12-intel', guide, 'fail'],
  ['openeuler-22.03-amd', ['iommu=pt'], 'fail'],
  ['rocky-9-bls', ['intel_iommu=on'], 'fail'],
  ['proxmox-8-zfs', ['intel_iommu=on'], 'pass'],
  ['proxmox-8-zfs', ['nosmt'], 'fail'],
  ['debian-12-no-rights', ['quiet'], 'unknown'],
  ['arch-systemd-boot', ['iommu=pt'], 'fail'],
])('%s with %j: %s', (name, tokens, outcome) => {
  const verdict = checks.kernelArgumentsActive(tokens).judge(input(name));
  expect(verdict).toMatchObject({ check: 'kernel-arguments-active', outcome });
  expect(verdict.remedy === undefined).toBe(outcome === 'pass');
});

describe('three answers', () => {
  test('active', () => {
    const verdict = judge(`ro ${line} quiet`, [entry('a', `ro ${line}`, true), entry('b', line)]);
    expect(verdict).toMatchObject({ outcome: 'pass', found: 'All run, and all 2 boot entries have them too.' });
  });

  test('configured, reboot due', () => {
    const verdict = judge('ro iommu=pt', [entry('a', line, true), entry('b', line)]);
    expect(verdict).toMatchObject({ outcome: 'fail', remedy: 'reboot the host' });
    expect(verdict.found).toContain('A reboot is due');
    expect(verdict.found).toContain('intel_iommu=on');
    expect(verdict.found).not.toMatch(/not running: iommu=pt/);
  });

  test('active, but lost at the next boot', () => {
    const verdict = judge(`ro ${line}`, [entry('a', 'ro', true), entry('b', line)]);
    expect(verdict).toMatchObject({ outcome: 'fail' });
    expect(verdict.found).toContain('lost at the next boot: boot entry "a"');
    expect(verdict.remedy).toContain('update-grub');
  });

  test('active, and lost only when another entry boots', () => {
    const verdict = judge(`ro ${line}`, [entry('a', line, true), entry('b', 'ro')]);
    expect(verdict.found).toContain('lost when another entry boots: boot entry "b"');
  });

  test('neither', () => {
    const verdict = judge('ro', [entry('a', 'ro', true)]);
    expect(verdict.found).toMatch(/^Not running: intel_iommu=on .*; and not configured in boot entry "a"\.$/);
  });

  test('active, with no entry to read: unknown', () => {
    for (const entries of [null, []]) {
      const verdict = judge(`ro ${line}`, entries);
      expect(verdict.outcome).toBe('unknown');
      expect(verdict.found).toContain('not known');
    }
  });
});

describe('what counts', () => {
  test('the last of several', () => {
    expect(
      judge('intel_iommu=off intel_iommu=on', [entry('a', 'intel_iommu=on', true)], ['intel_iommu=on']).outcome,
    ).toBe('pass');
    const lost = judge('intel_iommu=on intel_iommu=off', [entry('a', 'intel_iommu=on', true)], ['intel_iommu=on']);
    expect(lost.found).toContain('a later argument overrules intel_iommu=on');
    expect(lost.evidence.join('\n')).toContain('contradict each other');
  });

  test('a list of words that holds the wished one', () => {
    expect(judge('intel_iommu=on,sm_on', [entry('a', 'intel_iommu=on,sm_on', true)], ['intel_iommu=on']).outcome).toBe(
      'pass',
    );
  });

  test('not a word that only begins alike', () => {
    expect(judge('iommu=ptx', [entry('a', 'iommu=pt', true)], ['iommu=pt']).outcome).toBe('fail');
    expect(judge('intel_iommu=on', [entry('a', 'iommu=pt', true)], ['iommu=on']).outcome).toBe('fail');
  });

  test('entries of installed kernels only: no rescue image, no recovery, no other system', () => {
    const others = [
      entry('rescue', 'ro', false, '0-rescue-1'),
      entry('Windows', '', false, null),
      entry('recovery', 'ro single'),
    ];
    expect(judge(line, [entry('a', line, true), ...others]).outcome).toBe('pass');
  });

  test('what a variable may hold is not held against an entry', () => {
    const open = judge(`ro ${line}`, [entry('a', 'ro $extra_params', true)]);
    expect(open.outcome).toBe('unknown');
    expect(open.found).toContain('variable');
    expect(judge(`ro ${line}`, [entry('a', 'ro $vt_handoff', true)]).outcome).toBe('fail');
  });
});

describe('the wishes of the playbook', () => {
  const check = checks.kernelArgumentsActive();
  const wants = (present: readonly string[], absent: readonly string[] = []) => ({
    kernelArguments: { present, absent },
  });

  test('are judged where no tokens are given', () => {
    expect(check.judge(input('centos-7-intel', undefined, wants(guide))).outcome).toBe('pass');
    expect(check.judge(input('centos-7-intel', undefined, wants(['nosmt']))).outcome).toBe('fail');
  });

  test('may be that an argument is gone', () => {
    const verdict = check.judge(input('centos-7-intel', undefined, wants([], ['rhgb'])));
    expect(verdict.outcome).toBe('fail');
    expect(verdict.found).toContain('rhgb is still there');
    expect(check.judge(input('centos-7-intel', undefined, wants([], ['nosmt']))).outcome).toBe('pass');
  });

  test('may be none', () => {
    expect(check.judge(input('centos-7-intel')).outcome).toBe('not-applicable');
    expect(check.judge(input('centos-7-intel', undefined, wants([]))).outcome).toBe('not-applicable');
  });
});

describe('notes', () => {
  const notes = (text: string) =>
    checks
      .kernelArgumentsActive(['quiet'])
      .judge(input('centos-7-intel', running(text)))
      .evidence.filter((found) => found.startsWith('note:'))
      .join('\n');

  test.each([
    ['quiet biosdevnames=0', 'biosdevname meant'],
    ['quiet intel_iomu=on', 'intel_iommu meant'],
    ['quiet intel_iommuu=on', 'intel_iommu meant'],
    ['quiet itnel_iommu=on', 'intel_iommu meant'],
    ['quiet amd_iommu=on', 'amd_iommu=on is no option'],
  ])('%j: %s', (text, words) => expect(notes(text)).toContain(words));

  test.each([
    'quiet hugepagesz=1G hugepages=8 default_hugepagesz=1G',
    'quiet pci=realloc ro',
    'quiet vfio_pci.ids=10de:1b06',
  ])('%j has none', (text) => expect(notes(text)).toBe(''));
});

test('what a playbook wants word for word: a longer list of words is not enough', () => {
  const longer = 'ro intel_iommu=on,sm_on';
  const host = input('debian-12-intel', boot(longer, [entry('a', longer, true)]));
  const wished = (exact: readonly string[]) =>
    checks.kernelArgumentsActive().judge({
      ...host,
      wants: { kernelArguments: { present: ['intel_iommu=on'], absent: [], exact } },
    });
  expect(wished([])).toMatchObject({ outcome: 'pass' });
  expect(wished(['intel_iommu=on'])).toMatchObject({ outcome: 'fail' });
  expect(wished(['intel_iommu=on']).found).toContain('intel_iommu=on is missing');
});

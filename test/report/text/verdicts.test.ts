import { describe, expect, it } from 'vitest';
import { renderVerdicts } from '../../../src/report/text/verdicts.ts';
import { host, verdict } from '../sample.ts';

const plain = { colour: false };
const loaded = { check: 'vfio-loaded', title: 'Is VFIO 就绪?' };
const good = (name: string) =>
  host(name, { checks: [verdict('pass', { evidence: ['group 1'] }), verdict('pass', loaded)] });
const bad = (name: string, evidence = 'vfio_pci absent') =>
  host(name, {
    state: 'failed',
    checks: [
      verdict('pass'),
      verdict('fail', { ...loaded, found: 'no module', evidence: [evidence], remedy: 'modprobe it' }),
    ],
  });

describe('renderVerdicts', () => {
  it('counts hosts by check and outcome, in columns that line up', () => {
    const hosts = [good('a1'), good('a2'), bad('a3'), host('a4', { checks: [verdict('unknown')] })];
    const lines = renderVerdicts(hosts, plain).split('\n');
    expect(lines.slice(0, 3)).toEqual([
      '4 hosts               pass  fail  unknown',
      'Is the IOMMU active?     3     -        1',
      'Is VFIO 就绪?            2     1        -',
    ]);
  });

  it('shows evidence and remedy of hosts that did not pass, equal ones once', () => {
    const text = renderVerdicts([good('a1'), bad('a2'), bad('a3'), bad('a4', 'vfio_pci blocked')], plain);
    expect(text).toContain('2 hosts: 1 check failed (a[2-3])\n');
    expect(text).toContain('a4: 1 check failed\n');
    expect(text.match(/\| vfio_pci absent$/gm)).toHaveLength(1);
    expect(text).toMatch(/remedy: modprobe it/);
    expect(text).not.toContain('group 1');
    expect(text).not.toMatch(/a1/);
  });

  it('does not take an unknown for a pass', () => {
    const text = renderVerdicts([host('a', { checks: [verdict('unknown'), verdict('fail', loaded)] })], plain);
    expect(text).toContain('a: 1 check failed, 1 unknown\n');
  });

  it('shows all evidence when asked', () => {
    const text = renderVerdicts([good('a1'), good('a2')], { colour: false, verbose: true });
    expect(text).toContain('2 hosts: all checks passed (a[1-2])\n');
    expect(text).toContain('| group 1\n');
  });

  it('names hosts that were not checked', () => {
    const hosts = [good('a1'), host('a2', { state: 'unreachable' }), host('a3', { state: 'unreachable' }), host('a4')];
    const text = renderVerdicts(hosts, plain);
    expect(text).toMatch(/^1 host /);
    expect(text).toContain('2 hosts: not checked, unreachable (a[2-3])\n');
    expect(text).toContain('a4: no checks\n');
  });

  it('escapes what hosts say', () => {
    const nasty = verdict('fail', { title: '\x1b[2J', found: 'a\rb', evidence: ['\x9b1m', 'x\ny'], remedy: '\u202e' });
    const text = renderVerdicts([host('a', { state: 'failed', checks: [nasty] })], plain);
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    expect(text).toMatch(/\| x\n +\| y\n/);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Command, HostState } from '../../src/events/event.ts';
import { exitCode } from '../../src/report/exit-code.ts';
import { fold } from '../../src/report/fold.ts';
import { type HostSummary, type Summary, totalsOf } from '../../src/report/summary.ts';
import { change, host, plan, reboot, verdict } from './sample.ts';

function summary(hosts: readonly HostSummary[], interrupted = false): Summary {
  return { ...fold([]), interrupted, hosts, totals: totalsOf(hosts) };
}

const pending = host('p', { plan: plan('p', { changes: [change()] }) });
const commands: readonly Command[] = ['plan', 'apply', 'verify', 'facts'];

describe('exitCode', () => {
  it.each<[HostState | null, number]>([
    ['ok', 0],
    ['failed', 1],
    ['unreachable', 1],
    ['lost', 1],
    ['rolled-back', 1],
    [null, 1],
    ['refused', 3],
    ['skipped', 3],
  ])('of a host that ended %s is %i, for every command', (state, code) => {
    for (const command of commands) expect(exitCode(summary([host('a'), host('b', { state })]), command)).toBe(code);
  });

  it('is 0 when there is nothing to do, and for no hosts', () => {
    expect(exitCode(summary([host('a', { plan: plan('a') })]), 'plan')).toBe(0);
    expect(exitCode(summary([]), 'apply')).toBe(0);
  });

  it('is 2 for a plan with changes, or with effects that an earlier run left', () => {
    expect(exitCode(summary([host('a'), pending]), 'plan')).toBe(2);
    const left = plan('b', { pending: [reboot], effects: [reboot] });
    expect(exitCode(summary([host('b', { plan: left })]), 'plan')).toBe(2);
    expect(exitCode(summary([pending]), 'apply')).toBe(0);
  });

  it.each([
    ['pass', 0],
    ['not-applicable', 0],
    ['fail', 1],
    ['unknown', 1],
  ] as const)('of a check that is %s is %i: unknown proves nothing', (outcome, code) => {
    expect(exitCode(summary([host('a', { checks: [verdict('pass'), verdict(outcome)] })]), 'verify')).toBe(code);
  });

  it('is 3 for a rollout that halted, though hosts failed; an interrupt goes before it', () => {
    const halted = {
      ...summary([host('a', { state: 'failed' }), host('b', { state: 'skipped' })]),
      halted: 'a failed',
    };
    expect(exitCode(halted, 'apply')).toBe(3);
    expect(exitCode({ ...halted, interrupted: true }, 'apply')).toBe(130);
  });

  it('does not count gates as checks: a gate that closes refuses its host', () => {
    expect(exitCode(summary([host('a', { state: 'refused', gates: [verdict('fail')] })]), 'plan')).toBe(3);
  });

  it('is the strongest of what applies: 130, 1, 3, 2, 0', () => {
    const kinds: Readonly<Record<number, readonly HostSummary[]>> = {
      1: [...(['failed', 'unreachable', 'lost', 'rolled-back'] as const), null].map((state) => host('f', { state })),
      3: (['refused', 'skipped'] as const).map((state) => host('r', { state })),
      2: [pending],
      0: [host('o'), host('o', { plan: plan('o') })],
    };
    const anyHost = fc.constantFrom(...Object.values(kinds).flat());
    fc.assert(
      fc.property(
        fc.array(anyHost, { maxLength: 8 }),
        fc.boolean(),
        fc.constantFrom(...commands),
        (hosts, stop, command) => {
          const has = (code: number): boolean => hosts.some((one) => kinds[code]?.includes(one));
          const expected = stop ? 130 : has(1) ? 1 : has(3) ? 3 : command === 'plan' && has(2) ? 2 : 0;
          expect(exitCode(summary(hosts, stop), command)).toBe(expected);
        },
      ),
    );
  });
});

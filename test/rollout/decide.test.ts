import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spentBudget } from '../../src/rollout/budget.ts';
import { type Decision, decide, inFlight, isOver, type Moment, widthOf } from '../../src/rollout/decide.ts';
import { atOnce, type Policy } from '../../src/rollout/policy.ts';
import { beginRollout, type RolloutState, step } from '../../src/rollout/state.ts';
import { parseWindow } from '../../src/rollout/window.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `node${index}`);
const start: Moment = { now: 0, wall: 0 };
const policyOf = (changes: Partial<Policy>): Policy => ({ ...atOnce(99), ...changes });
const startOf = (state: RolloutState, host: string, now = 0) => step(state, { type: 'started', host, now });
type Ended = 'ok' | 'failed' | 'refused' | 'lost' | 'unreachable';
const endOf = (state: RolloutState, host: string, ended: Ended, holdsSlot = ended === 'lost') =>
  step(state, { type: 'ended', host, state: ended, holdsSlot });
const run = (state: RolloutState, host: string, ended: Ended) => endOf(startOf(state, host), host, ended);
const started = (decisions: readonly Decision[]) =>
  decisions.flatMap((one) => (one.kind === 'start' ? [one.host] : []));

describe('decide', () => {
  it('starts no more hosts than may be at work at once', () => {
    expect(started(decide(beginRollout(names(5)), atOnce(2), start))).toEqual(['node0', 'node1']);
  });

  it('gives a freed place to the next host at once, whatever became of the first', () => {
    let state = startOf(startOf(beginRollout(names(3)), 'node0'), 'node1');
    expect(decide(state, atOnce(2), start)).toEqual([]);
    state = endOf(state, 'node0', 'failed');
    expect(decide(state, atOnce(2), start)).toEqual([{ kind: 'start', host: 'node2' }]);
  });

  it('skips every waiting host once somebody asked to stop, and leaves those at work', () => {
    const state = step(startOf(beginRollout(names(3)), 'node0'), { type: 'stop' });
    expect(decide(state, atOnce(9), start)).toEqual(
      ['node1', 'node2'].map((host) => ({ kind: 'skip', host, reason: { kind: 'interrupted' } })),
    );
  });

  it('lets hosts of other failure domains go first where one is full', () => {
    const domainOf = new Map(names(4).map((host, index) => [host, index < 2 ? 'r1' : 'r2']));
    const policy = policyOf({ parallel: 3, domainOf, perDomain: new Map([['r1', 1]]) });
    expect(started(decide(beginRollout(names(4)), policy, start))).toEqual(['node0', 'node2', 'node3']);
  });

  it.each(['unreachable', 'lost'] as const)('counts a host that is %s in its failure domain', (ended) => {
    const domainOf = new Map(names(4).map((host, index) => [host, index < 3 ? 'r1' : 'r2']));
    const policy = policyOf({ domainOf, perDomain: new Map([['r1', 1]]), countsSilent: true });
    const state = run(beginRollout(names(4)), 'node0', ended);
    expect(started(decide(state, policy, start))).toEqual(['node3']);
    const reason = { kind: 'no-slot', holders: ['node0'] };
    expect(decide(run(state, 'node3', 'ok'), policy, start)).toMatchObject([{ kind: 'skip', reason }, { reason }]);
  });

  it('starts the others only when every canary has ended', () => {
    const policy = policyOf({ canaries: new Set(['node2', 'node3']), maxCanaryFailures: 0 });
    let state = beginRollout(names(5));
    expect(started(decide(state, policy, start))).toEqual(['node2', 'node3']);
    state = startOf(startOf(state, 'node2'), 'node3');
    state = endOf(state, 'node2', 'ok');
    expect(decide(state, policy, start)).toEqual([]);
    expect(started(decide(endOf(state, 'node3', 'ok'), policy, start))).toEqual(['node0', 'node1', 'node4']);
  });

  it.each(['failed', 'unreachable', 'lost', 'refused'] as const)('a canary that ends as %s halts all', (ended) => {
    const policy = policyOf({ canaries: new Set(['node0']), maxCanaryFailures: 0 });
    const state = run(beginRollout(names(3)), 'node0', ended);
    expect(decide(state, policy, start)).toMatchObject([
      { kind: 'skip', host: 'node1', reason: { kind: 'halted', why: expect.stringContaining('node0') } },
      { kind: 'skip', host: 'node2' },
    ]);
  });

  it('counts every kind of bad end into one budget, and no refusal', () => {
    const policy = policyOf({ maxFailures: 2 });
    let state = beginRollout(names(8));
    for (const [host, ended] of Object.entries({ node0: 'failed', node1: 'refused', node2: 'unreachable' } as const)) {
      state = run(state, host, ended);
    }
    expect(spentBudget(state, policy)).toBeNull();
    expect(spentBudget(run(state, 'node3', 'lost'), policy)).toMatch(
      /node0, node2, node3 did not end well; allowed: 2/,
    );
  });

  it('keeps the slot of a lost host', () => {
    const state = run(beginRollout(names(3)), 'node0', 'lost');
    expect(inFlight(state)).toEqual(['node0']);
    expect(started(decide(state, atOnce(2), start))).toEqual(['node1']);
  });

  it('ends when hosts that are out of service hold every slot', () => {
    const state = run(beginRollout(names(3)), 'node0', 'lost');
    const reason = { kind: 'no-slot', holders: ['node0'] };
    expect(decide(state, atOnce(1), start)).toEqual([
      { kind: 'skip', host: 'node1', reason },
      { kind: 'skip', host: 'node2', reason },
    ]);
  });

  it('widens as hosts end well', () => {
    const policy = policyOf({ parallel: 4, batches: [1, 3, 50] });
    let state = beginRollout(names(20));
    const widths = [widthOf(state, policy)];
    for (const host of names(5)) {
      state = run(state, host, host === 'node2' ? 'failed' : 'ok');
      widths.push(widthOf(state, policy));
    }
    // 1 until one has ended well; 3 until four have, then all that --parallel allows.
    expect(widths).toEqual([1, 3, 3, 3, 3, 4]);
  });

  it('pauses between two starts, and lets one go at a time', () => {
    const policy = policyOf({ pause: 1000 });
    let state = beginRollout(names(3));
    expect(started(decide(state, policy, start))).toEqual(['node0']);
    state = startOf(state, 'node0', 500);
    expect(decide(state, policy, { now: 900, wall: 0 })).toEqual([{ kind: 'hold', milliseconds: 600, why: 'pause' }]);
    expect(started(decide(state, policy, { now: 1500, wall: 0 }))).toEqual(['node1']);
  });

  it('lets a lost host that is only looked at wait for the window, and goes on at once with one that was cut off', () => {
    const windows = [parseWindow('22:00-23:00')];
    const hosts: RolloutState['hosts'] = new Map([
      ['node0', { kind: 'cut-off', was: 'lost' }],
      ['node1', { kind: 'cut-off' }],
    ]);
    const state: RolloutState = { hosts, stopping: false, lastStart: null };
    const moment = { now: 0, wall: Date.UTC(2026, 0, 5, 21) };
    const hold = { kind: 'hold', milliseconds: 3_600_000, why: 'window' };
    expect(decide(state, policyOf({ windows }), moment)).toEqual([{ kind: 'start', host: 'node1' }, hold]);
    const open = { now: 0, wall: Date.UTC(2026, 0, 5, 22) };
    expect(started(decide(state, policyOf({ windows }), open))).toEqual(['node0', 'node1']);
  });

  it('waits for its maintenance window, and starts nobody after it', () => {
    const policy = policyOf({ windows: [parseWindow('22:00-23:00')] });
    const at = (time: string): Moment => ({ now: 0, wall: Date.parse(`2026-11-26T${time}Z`) });
    const hour = 3_600_000;
    const state = beginRollout(names(1));
    expect(decide(state, policy, at('21:00:00'))).toEqual([{ kind: 'hold', milliseconds: hour, why: 'window' }]);
    expect(started(decide(state, policy, at('22:59:59')))).toEqual(['node0']);
    expect(decide(state, policy, at('23:00:00'))).toEqual([{ kind: 'hold', milliseconds: 23 * hour, why: 'window' }]);
  });
});

/** Any policy over hosts that are spread over three domains. */
const policies = fc
  .record({
    count: fc.integer({ min: 1, max: 25 }),
    parallel: fc.integer({ min: 1, max: 8 }),
    canaries: fc.nat({ max: 3 }),
    batches: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 3 }),
    maxFailures: fc.oneof(fc.nat({ max: 4 }), fc.constant(Number.POSITIVE_INFINITY)),
    perDomain: fc.integer({ min: 1, max: 3 }),
    pause: fc.constantFrom(0, 0, 100),
    countsSilent: fc.boolean(),
  })
  .map(({ count, perDomain, canaries, ...rest }) => {
    const hosts = names(count);
    const policy: Policy = {
      ...rest,
      domainOf: new Map(hosts.map((host, index) => [host, `r${index % 3}`])),
      perDomain: new Map(['r0', 'r1', 'r2'].map((domain) => [domain, perDomain])),
      canaries: new Set(hosts.slice(-canaries || hosts.length).slice(0, canaries)),
      maxCanaryFailures: 0,
      windows: [],
    };
    return { hosts, policy };
  });
const ends = fc.constantFrom<Ended>('ok', 'ok', 'ok', 'ok', 'failed', 'refused', 'lost', 'unreachable');

it('holds every limit, starts nobody when the budget is spent, ends each host once, and ends, whatever happens', () => {
  fc.assert(
    fc.property(
      policies,
      fc.infiniteStream(fc.nat()),
      fc.infiniteStream(ends),
      fc.option(fc.nat({ max: 40 })),
      ({ hosts, policy }, picks, states, stopAt) => {
        let state = beginRollout(hosts);
        let now = 0;
        const ended: string[] = [];
        for (let turn = 0; !isOver(state); turn += 1) {
          if (turn > 8 * hosts.length + 50) throw new Error('the rollout does not end');
          if (turn === stopAt) state = step(state, { type: 'stop' });
          for (const decision of decide(state, policy, { now, wall: 0 })) {
            if (decision.kind === 'hold') now += decision.milliseconds;
            else if (decision.kind === 'start') {
              expect(spentBudget(state, policy)).toBeNull();
              expect(inFlight(state).length).toBeLessThan(widthOf(state, policy));
              state = startOf(state, decision.host, now);
            } else {
              ended.push(decision.host);
              state = step(state, { type: 'ended', host: decision.host, state: 'skipped', holdsSlot: false });
            }
          }
          const flying = inFlight(state);
          expect(flying.length).toBeLessThanOrEqual(policy.parallel);
          for (const [domain, limit] of policy.perDomain) {
            expect(flying.filter((host) => policy.domainOf.get(host) === domain).length).toBeLessThanOrEqual(limit);
          }
          const working = [...state.hosts].filter(([, standing]) => standing.kind === 'working');
          const [host] = working[(picks.next().value ?? 0) % Math.max(1, working.length)] ?? [];
          if (host === undefined) continue;
          ended.push(host);
          state = endOf(state, host, states.next().value ?? 'ok');
        }
        expect([...ended].sort()).toEqual([...hosts].sort());
        expect(decide(state, policy, { now, wall: 0 })).toEqual([]);
      },
    ),
  );
});

it('an event about a host that cannot be true of it throws', () => {
  const state = startOf(beginRollout(['a']), 'a');
  expect(() => startOf(state, 'a')).toThrow(/a cannot be started when it is working/);
  expect(() => startOf(state, 'b')).toThrow(/not part of it/);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostState } from '../../src/events/event.ts';
import { decide, inFlight, isOver } from '../../src/rollout/decide.ts';
import { countEnded, policyOf, type RolloutHost, resolveRollout } from '../../src/rollout/rollout.ts';
import { beginRollout, step } from '../../src/rollout/state.ts';
import type { Amount, RolloutWish } from '../../src/rollout/wish.ts';

const hostsOf = (number: number, racks = 1): readonly RolloutHost[] =>
  Array.from({ length: number }, (_, index) => ({ name: `n${index}`, domain: `r${index % racks}` }));
const none: ReadonlySet<string> = new Set();

describe('resolveRollout', () => {
  it('takes shares of the hosts, rounded down, of places never to none', () => {
    const wish: RolloutWish = { parallel: '10%', batches: [1, '25%', '50%'], maxRebooting: '1%' };
    expect(resolveRollout(wish, hostsOf(19), none)).toMatchObject({
      ...{ parallel: 1, batches: [1, 4, 9], maxRebooting: 1, maxConnecting: null, maxApplying: null },
    });
  });

  it('takes a share per rack of the hosts that it has in the rollout', () => {
    const hosts = [...hostsOf(6), { name: 'alone', domain: 'lab' }];
    expect(resolveRollout({ perRack: '50%' }, hosts, none).perDomain).toEqual({ r0: 3, lab: 1 });
  });

  it('takes no whole rack down where nothing was said, and counts silent hosts where a limit was', () => {
    expect(resolveRollout({}, hostsOf(6), none).perDomain).toEqual({ r0: 3 });
    const rollout = resolveRollout({ perRack: 3 }, hostsOf(6), none);
    const ended = new Map([['n1', 'unreachable'] as const, ['n2', 'refused'] as const]);
    expect(countEnded(rollout, ended).rollout.perDomain).toEqual({ r0: 2 });
  });

  it.each([
    [undefined, 3, 1],
    [undefined, 25, 2],
    ['10%', 3, 0],
    ['5%', 40, 2],
    [0, 40, 0],
  ] as const)('lets fail %s of %i hosts: %i', (maxFailures, number, expected) => {
    const wish = maxFailures === undefined ? {} : { maxFailures };
    expect(resolveRollout(wish, hostsOf(number), none)).toMatchObject({ maxFailures: expected, maxCanaryFailures: 0 });
  });

  it('survives a journal: what comes back decides the same', () => {
    const rollout = resolveRollout(
      { perRack: 2, batches: [1, 3], windows: ['22:00-04:00'], pause: 5 },
      hostsOf(9, 3),
      new Set(['n4']),
    );
    expect(policyOf(JSON.parse(JSON.stringify(rollout)))).toEqual(policyOf(rollout));
  });

  const amount = fc.oneof(
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 100 }).map((share): Amount => `${share}%`),
  );
  const wishes = fc.record(
    {
      parallel: amount,
      perRack: amount,
      batches: fc.array(amount, { minLength: 1, maxLength: 3 }),
      maxFailures: amount,
    },
    { requiredKeys: [] },
  );

  it('never keeps a host from starting for ever, and never lets more of a rack be at work than was wished', () => {
    fc.assert(
      fc.property(wishes, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 5 }), (wish, number, racks) => {
        const hosts = hostsOf(number, racks);
        const rollout = resolveRollout(wish, hosts, new Set(['n0']));
        const policy = policyOf(rollout);
        let state = beginRollout(hosts.map(({ name }) => name));
        for (let turn = 0; !isOver(state); turn += 1) {
          expect(turn).toBeLessThanOrEqual(number);
          const decisions = decide(state, policy, { now: turn, wall: 0 });
          for (const decision of decisions) {
            if (decision.kind !== 'start') throw new Error(`${decision.kind} although all is well`);
            state = step(state, { type: 'started', host: decision.host, now: turn });
          }
          const flying = inFlight(state);
          expect(flying.length).toBeGreaterThan(0);
          for (const [domain, most] of Object.entries(rollout.perDomain)) {
            expect(flying.filter((host) => policy.domainOf.get(host) === domain).length).toBeLessThanOrEqual(most);
          }
          for (const host of flying) state = step(state, { type: 'ended', host, state: 'ok', holdsSlot: false });
        }
      }),
    );
  });
});

describe('countEnded', () => {
  const rollout = resolveRollout({ maxFailures: 2 }, hostsOf(20), new Set(['n0', 'n1']));
  const ended = (...hosts: readonly (readonly [string, HostState])[]): ReadonlyMap<string, HostState> => new Map(hosts);

  it('leaves less of the budget for each host that ended badly before', () => {
    const { rollout: rest, spent } = countEnded(rollout, ended(['n5', 'unreachable'], ['n6', 'refused']));
    expect([rest.maxFailures, rest.maxCanaryFailures, spent]).toEqual([1, 0, null]);
    expect(countEnded(rollout, ended(['n5', 'failed'], ['n6', 'failed'], ['n7', 'unreachable'])).spent).toMatch(
      /n5, n6, n7 did not end well; allowed: 2/,
    );
  });

  it.each(['refused', 'unreachable'] as const)('is spent by a canary that is %s', (state) => {
    expect(countEnded(rollout, ended(['n1', state])).spent).toMatch(/n1 of the canary hosts/);
  });

  it('says of canaries only those that can still go first', () => {
    const lenient = { ...rollout, maxCanaryFailures: 1 };
    expect(countEnded(lenient, ended(['n1', 'refused']))).toMatchObject({
      spent: null,
      rollout: { canaries: ['n0'], maxCanaryFailures: 0 },
    });
  });
});

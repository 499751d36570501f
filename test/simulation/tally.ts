import type { Outcome } from './play.ts';
import type { Violation } from './rules.ts';
import type { Scenario } from './scenario.ts';

/** What was seen, so that nobody believes a simulation in which nothing happens. Plain data, sent between processes. */
export interface Tally {
  readonly rollouts: number;
  readonly hosts: number;
  readonly hostRuns: number;
  readonly boots: number;
  /** Hosts by the state in which they ended. */
  readonly ends: Readonly<Record<string, number>>;
  /** Rollouts in which a fault showed itself. */
  readonly faults: Readonly<Record<string, number>>;
  /** Rollouts by what their policy has. */
  readonly policies: Readonly<Record<string, number>>;
  /** Hosts by the code of the failure with which they ended. */
  readonly codes: Readonly<Record<string, number>>;
}

/** A scenario that breaks a rule, and the smallest that was found to do the same. */
export interface Found {
  readonly index: number;
  readonly violations: readonly Violation[];
  readonly hosts: number;
  readonly faults: number;
  readonly smallest: Scenario;
}

/** What a worker tells. */
export type Told =
  | { readonly type: 'tally'; readonly tally: Tally }
  | { readonly type: 'found'; readonly found: Found };

/** Of one rollout. */
export function tallyOf({ hosts, rollout, hooks, again }: Scenario, outcome: Outcome): Tally {
  const policies = [
    ...(rollout.canaries.length > 0 ? ['canaries'] : []),
    ...(rollout.batches.length > 0 ? ['batches'] : []),
    ...(Object.keys(rollout.perDomain).length > 0 ? ['per domain'] : []),
    ...(rollout.maxFailures < hosts.length ? ['budget'] : []),
    ...(rollout.pause > 0 ? ['pause'] : []),
    ...(rollout.windows.length > 0 ? ['windows'] : []),
    ...(rollout.soak > 0 ? ['soak'] : []),
    ...(rollout.maxConnecting !== null ? ['max connecting'] : []),
    ...(rollout.maxApplying !== null ? ['max applying'] : []),
    ...(rollout.maxRebooting !== null ? ['max rebooting'] : []),
    ...(hooks !== null ? [`hooks on the ${hooks.where}`] : []),
    ...(again ? ['a second run'] : []),
  ];
  return {
    ...{ rollouts: 1, hosts: hosts.length, hostRuns: outcome.hostRuns, boots: outcome.boots },
    ends: counted([...outcome.ends.values()]),
    faults: counted([...new Set(outcome.seen)]),
    policies: counted(policies),
    codes: counted(outcome.codes),
  };
}

/** Both together. */
export function joinTallies(one: Tally, other: Tally): Tally {
  return {
    rollouts: one.rollouts + other.rollouts,
    hosts: one.hosts + other.hosts,
    hostRuns: one.hostRuns + other.hostRuns,
    boots: one.boots + other.boots,
    ends: sum(one.ends, other.ends),
    faults: sum(one.faults, other.faults),
    policies: sum(one.policies, other.policies),
    codes: sum(one.codes, other.codes),
  };
}

/** Nothing was seen yet. */
export const emptyTally: Tally = {
  ...{ rollouts: 0, hosts: 0, hostRuns: 0, boots: 0 },
  ...{ ends: {}, faults: {}, policies: {}, codes: {} },
};

function counted(words: readonly string[]): Readonly<Record<string, number>> {
  return words.map((word) => ({ [word]: 1 })).reduce(sum, {});
}

function sum(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const all = { ...one };
  for (const [key, count] of Object.entries(other)) all[key] = (all[key] ?? 0) + count;
  return all;
}

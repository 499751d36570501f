import type { Window } from './window.ts';

/** How a rollout goes about its hosts, resolved for them: numbers, no percentages. Plain data. */
export interface Policy {
  /** At most this many hosts in flight at once, whatever else allows more; a whole number from 1. */
  readonly parallel: number;
  /** At most this many in flight of one failure domain, by its name; a domain that is not named has no limit of its own. */
  readonly perDomain: ReadonlyMap<string, number>;
  /** Whether hosts that do not answer count in their failure domains, as those that are down. */
  readonly countsSilent: boolean;
  /** Failure domain of each host: its rack, or what the policy takes for one. A host with none has no such limit. */
  readonly domainOf: ReadonlyMap<string, string>;
  /** They go first, and nobody else starts until each of them has ended. */
  readonly canaries: ReadonlySet<string>;
  /** How many may be in flight at first, and as hosts end well: `[1, 5, 20]` is 1 until 1 has, 5 until 6 have, then 20. */
  readonly batches: readonly number[];
  /** So many hosts may end badly; one more halts the rollout. */
  readonly maxFailures: number;
  /** The same, for canaries alone. */
  readonly maxCanaryFailures: number;
  /** Milliseconds between two hosts' starts. */
  readonly pause: number;
  /** Hosts start only within one of them; none: at any time. */
  readonly windows: readonly Window[];
}

/** A policy with no limit but this one: for commands that change nothing. */
export function atOnce(parallel: number): Policy {
  return {
    parallel,
    perDomain: new Map(),
    countsSilent: false,
    domainOf: new Map(),
    canaries: new Set(),
    batches: [],
    maxFailures: Number.POSITIVE_INFINITY,
    maxCanaryFailures: Number.POSITIVE_INFINITY,
    pause: 0,
    windows: [],
  };
}

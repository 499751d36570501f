import type { HostState } from '../events/event.ts';
import { badHosts, spentBudget } from './budget.ts';
import { atOnce, type Policy } from './policy.ts';
import { beginRollout, isDown, step } from './state.ts';
import { parseWindow } from './window.ts';
import type { Amount, RolloutWish } from './wish.ts';

/** A wish, resolved for the hosts of a rollout: numbers, no shares. Plain JSON, so that a journal holds it. */
export interface Rollout {
  /** Hosts that go first. */
  readonly canaries: readonly string[];
  readonly batches: readonly number[];
  readonly parallel: number;
  /** What a failure domain is: `rack`, or the name of a variable. */
  readonly domain: string;
  /** At most so many in flight of each failure domain, by its name; empty: no such limit. */
  readonly perDomain: Readonly<Record<string, number>>;
  /** Hosts that do not answer count in their domains, too: where a limit was asked for. Default: they do not. */
  readonly countsSilent?: boolean;
  /** Failure domain of each host; empty where there is no limit. */
  readonly domains: Readonly<Record<string, string>>;
  readonly maxFailures: number;
  readonly maxCanaryFailures: number;
  /** Milliseconds. */
  readonly soak: number;
  /** Milliseconds. */
  readonly pause: number;
  /** As they were written. */
  readonly windows: readonly string[];
  /** `null`: as many as are in flight; so are the other two. */
  readonly maxConnecting: number | null;
  readonly maxApplying: number | null;
  readonly maxRebooting: number | null;
}

/** A host as a rollout sees it. */
export interface RolloutHost {
  readonly name: string;
  /** Its failure domain; `null`: none is known. */
  readonly domain: string | null;
}

const defaultParallel = 20;
const defaultShareOfFailures = '10%';
/** A rack is never taken down as a whole by default. */
const defaultPerRack = '50%';

/** For more hosts than these, their number must be typed or expected. */
export const defaultConfirmAbove = 50;

/**
 * Resolves a wish for hosts; `canaries` are those that `wish.canary` chose. Shares are rounded down: to 1 at least where they
 * are of places, and down to 0 where they are of failures that somebody allowed in so many words.
 */
export function resolveRollout(
  wish: RolloutWish,
  hosts: readonly RolloutHost[],
  canaries: ReadonlySet<string>,
): Rollout {
  const all = hosts.length;
  const places = (given: Amount | undefined): number | null => (given === undefined ? null : shareOf(given, all, 1));
  const { maxFailures, perRack = defaultPerRack } = wish;
  return {
    canaries: hosts.filter(({ name }) => canaries.has(name)).map(({ name }) => name),
    batches: (wish.batches ?? []).map((size) => shareOf(size, all, 1)),
    parallel: placesOf(wish.parallel, all),
    domain: wish.domain ?? 'rack',
    perDomain: limitsOf(perRack, hosts),
    ...(wish.perRack !== undefined && { countsSilent: true }),
    domains: Object.fromEntries(domainsOf(hosts)),
    maxFailures: maxFailures === undefined ? shareOf(defaultShareOfFailures, all, 1) : shareOf(maxFailures, all, 0),
    maxCanaryFailures: shareOf(wish.maxCanaryFailures ?? 0, canaries.size, 0),
    soak: wish.soak ?? 0,
    pause: wish.pause ?? 0,
    windows: wish.windows ?? [],
    maxConnecting: places(wish.maxConnecting),
    maxApplying: places(wish.maxApplying),
    maxRebooting: places(wish.maxRebooting),
  };
}

/** How many of the hosts of a command may be worked on at once. */
export function placesOf(parallel: Amount | undefined, hosts: number): number {
  return shareOf(parallel ?? defaultParallel, hosts, 1);
}

/** What `decide` goes by. */
export function policyOf(rollout: Rollout): Policy {
  return {
    ...atOnce(rollout.parallel),
    perDomain: new Map(Object.entries(rollout.perDomain)),
    domainOf: new Map(Object.entries(rollout.domains)),
    countsSilent: rollout.countsSilent ?? false,
    canaries: new Set(rollout.canaries),
    batches: rollout.batches,
    maxFailures: rollout.maxFailures,
    maxCanaryFailures: rollout.maxCanaryFailures,
    pause: rollout.pause,
    windows: rollout.windows.map(parseWindow),
  };
}

/** What is left of a budget after hosts that ended before the rollout itself began, as they could not be planned. */
export interface Remainder {
  readonly rollout: Rollout;
  /** Why nothing is left of it; `null`: something is. */
  readonly spent: string | null;
}

/** Counts hosts that ended before the rollout began against its budget. */
export function countEnded(rollout: Rollout, ended: ReadonlyMap<string, HostState>): Remainder {
  const policy = policyOf(rollout);
  let state = beginRollout([...ended.keys()]);
  for (const [host, how] of ended) state = step(state, { type: 'ended', host, state: how, holdsSlot: false });
  const bad = badHosts(state, policy);
  const canaries = bad.filter((host) => policy.canaries.has(host));
  return {
    spent: spentBudget(state, policy),
    rollout: {
      ...rollout,
      canaries: rollout.canaries.filter((host) => !ended.has(host)),
      perDomain: withoutDown(rollout, ended),
      maxFailures: Math.max(0, rollout.maxFailures - bad.length),
      maxCanaryFailures: Math.max(0, rollout.maxCanaryFailures - canaries.length),
    },
  };
}

/** Where a limit was asked for, a host that does not answer is one of its domain that is down. */
function withoutDown(rollout: Rollout, ended: ReadonlyMap<string, HostState>): Rollout['perDomain'] {
  const { perDomain, domains, countsSilent = false } = rollout;
  if (!countsSilent) return perDomain;
  const down = [...ended].flatMap(([host, state]) => (isDown(state) ? [domains[host]] : []));
  const left = ([domain, limit]: readonly [string, number]): readonly [string, number] => [
    domain,
    Math.max(0, limit - down.filter((other) => other === domain).length),
  ];
  return Object.fromEntries(Object.entries(perDomain).map(left));
}

function domainsOf(hosts: readonly RolloutHost[]): readonly (readonly [string, string])[] {
  return hosts.flatMap(({ name, domain }) => (domain === null ? [] : [[name, domain] as const]));
}

function limitsOf(perRack: Amount, hosts: readonly RolloutHost[]): Readonly<Record<string, number>> {
  const sizes = new Map<string, number>();
  for (const [, domain] of domainsOf(hosts)) sizes.set(domain, (sizes.get(domain) ?? 0) + 1);
  return Object.fromEntries([...sizes].map(([domain, size]) => [domain, shareOf(perRack, size, 1)]));
}

function shareOf(given: Amount, of: number, least: number): number {
  if (typeof given === 'number') return given;
  return Math.max(least, Math.floor((Number(given.slice(0, -1)) * of) / 100));
}

import { spentBudget } from './budget.ts';
import type { Policy } from './policy.ts';
import { isDown, type RolloutState, type Standing, step } from './state.ts';
import { isOpen, nextOpening } from './window.ts';

/** The time, as the rollout needs it. */
export interface Moment {
  /** Milliseconds of a clock that never goes back. */
  readonly now: number;
  /** Milliseconds since 1970, for maintenance windows. */
  readonly wall: number;
}

/** Why a host is not started at all. */
export type SkipReason =
  | { readonly kind: 'interrupted' }
  /** The failure budget is spent. */
  | { readonly kind: 'halted'; readonly why: string }
  /** Hosts that are out of service hold every slot that it could have, and nobody is at work who could free one. */
  | { readonly kind: 'no-slot'; readonly holders: readonly string[] }
  /** No maintenance window will ever open. */
  | { readonly kind: 'no-window' };

/** What to do now. */
export type Decision =
  | { readonly kind: 'start'; readonly host: string }
  /** The host is not started at all, and ends as `skipped`. */
  | { readonly kind: 'skip'; readonly host: string; readonly reason: SkipReason }
  /** Nobody may start before some time has passed; then decide again. */
  | { readonly kind: 'hold'; readonly milliseconds: number; readonly why: 'pause' | 'window' };

/** Who may start now, who never will, and how long to wait. Pure: the same state, policy and moment decide the same. */
export function decide(state: RolloutState, policy: Policy, moment: Moment): readonly Decision[] {
  const cutOff = inStanding(state, 'cut-off');
  if (cutOff.length === 0) return decideWaiting(state, policy, moment);
  if (state.stopping) {
    const skipped = cutOff.map((host): Decision => ({ kind: 'skip', host, reason: { kind: 'interrupted' } }));
    return [...skipped, ...decideWaiting(state, policy, moment)];
  }
  // Neither a spent budget nor a closed window leaves a host in the middle of its work: they have their slots already. One that
  // had ended, and may be back, waits for the window as others do.
  const begun = isOpen(policy.windows, moment.wall) ? cutOff : cutOff.filter((host) => !isLookedAt(state, host));
  const going = begun.reduce((before, host) => step(before, { type: 'started', host, now: moment.now }), state);
  const started = begun.map((host): Decision => ({ kind: 'start', host }));
  const others = decideWaiting(going, policy, moment);
  if (begun.length === cutOff.length || others.length > 0) return [...started, ...others];
  return [...started, ...untilOpen(inStanding(going, 'cut-off'), policy, moment)];
}

function isLookedAt({ hosts }: RolloutState, host: string): boolean {
  const at = hosts.get(host);
  return at?.kind === 'cut-off' && at.was !== undefined;
}

/** What is done while the maintenance window is closed: wait for it, or, where none will open any more, leave it. */
function untilOpen(hosts: readonly string[], { windows }: Policy, { wall }: Moment): readonly Decision[] {
  const opening = nextOpening(windows, wall);
  if (opening === null) return hosts.map((host) => ({ kind: 'skip', host, reason: { kind: 'no-window' } }));
  return [{ kind: 'hold', milliseconds: opening - wall, why: 'window' }];
}

function decideWaiting(state: RolloutState, policy: Policy, moment: Moment): readonly Decision[] {
  const waiting = inStanding(state, 'waiting');
  if (waiting.length === 0) return [];
  const skip = (reason: SkipReason): readonly Decision[] => waiting.map((host) => ({ kind: 'skip', host, reason }));
  if (state.stopping) return skip({ kind: 'interrupted' });
  const why = spentBudget(state, policy);
  if (why !== null) return skip({ kind: 'halted', why });
  const startable = whoMayStart(state, policy, waiting);
  if (startable.length === 0) {
    if (inStanding(state, 'working').length > 0) return [];
    return skip({ kind: 'no-slot', holders: slotHolders(state, policy) });
  }
  const pause = state.lastStart === null ? 0 : state.lastStart + policy.pause - moment.now;
  if (pause > 0) return [{ kind: 'hold', milliseconds: pause, why: 'pause' }];
  if (!isOpen(policy.windows, moment.wall)) return untilOpen(waiting, policy, moment);
  const now = policy.pause > 0 ? startable.slice(0, 1) : startable;
  return now.map((host) => ({ kind: 'start', host }));
}

/** Whether every host has ended. */
export function isOver(state: RolloutState): boolean {
  return [...state.hosts.values()].every((standing) => standing.kind === 'ended');
}

/** Hosts that count against the limits: at work, cut off from it, or out of service after it. */
export function inFlight(state: RolloutState): readonly string[] {
  return [...state.hosts].filter(([, standing]) => isInFlight(standing)).map(([host]) => host);
}

/** How many may be in flight at once, as far as hosts have ended well. */
export function widthOf(state: RolloutState, policy: Policy): number {
  const well = [...state.hosts.values()].filter(
    ({ kind, ...rest }) => kind === 'ended' && 'state' in rest && rest.state === 'ok',
  );
  let sum = 0;
  for (const size of policy.batches) {
    sum += size;
    if (well.length < sum) return Math.min(size, policy.parallel);
  }
  return Math.min(policy.batches.at(-1) ?? policy.parallel, policy.parallel);
}

/**
 * In their order; one whose failure domain is full lets those behind it go first. Where a limit was asked for, hosts that do
 * not answer count in their domains: a rack may be half down before anybody begins.
 */
function whoMayStart(state: RolloutState, policy: Policy, waiting: readonly string[]): readonly string[] {
  const flying = inFlight(state);
  const canaries = waiting.filter((host) => policy.canaries.has(host));
  const canariesFly = inStanding(state, 'working').some((host) => policy.canaries.has(host));
  const candidates = canaries.length > 0 ? canaries : canariesFly ? [] : waiting;
  const free = Math.max(0, widthOf(state, policy) - flying.length);
  const inDomain = new Map<string, number>();
  const count = (host: string): void => {
    const domain = policy.domainOf.get(host);
    if (domain !== undefined) inDomain.set(domain, (inDomain.get(domain) ?? 0) + 1);
  };
  for (const [host, standing] of state.hosts) if (countsInDomain(standing, policy)) count(host);
  const chosen: string[] = [];
  for (const host of candidates) {
    if (chosen.length === free) break;
    const domain = policy.domainOf.get(host);
    const limit = domain === undefined ? undefined : policy.perDomain.get(domain);
    if (domain !== undefined && limit !== undefined && (inDomain.get(domain) ?? 0) >= limit) continue;
    chosen.push(host);
    count(host);
  }
  return chosen;
}

function slotHolders(state: RolloutState, policy: Policy): readonly string[] {
  return [...state.hosts].filter(([, at]) => at.kind === 'ended' && countsInDomain(at, policy)).map(([host]) => host);
}

function countsInDomain(standing: Standing, { countsSilent }: Policy): boolean {
  return isInFlight(standing) || (countsSilent && standing.kind === 'ended' && isDown(standing.state));
}

function isInFlight(standing: Standing): boolean {
  return (
    standing.kind === 'working' || standing.kind === 'cut-off' || (standing.kind === 'ended' && standing.holdsSlot)
  );
}

function inStanding(state: RolloutState, kind: Standing['kind']): readonly string[] {
  return [...state.hosts].filter(([, standing]) => standing.kind === kind).map(([host]) => host);
}

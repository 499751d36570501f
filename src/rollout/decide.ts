import type { RolloutState, Standing } from './state.ts';

/** How a rollout goes about its hosts. */
export interface Policy {
  /** At most this many hosts at work at once; a whole number from 1. */
  readonly parallel: number;
}

/** What to do now. */
export type Decision =
  | { readonly kind: 'start'; readonly host: string }
  /** The host is not started at all, and ends as `skipped`. */
  | { readonly kind: 'skip'; readonly host: string; readonly reason: string };

/** Who may start now, and who never will. Pure: the same state and policy give the same decisions. */
export function decide(state: RolloutState, policy: Policy): readonly Decision[] {
  const waiting = inStanding(state, 'waiting');
  if (state.stopping) return waiting.map((host) => ({ kind: 'skip', host, reason: 'interrupted before it started' }));
  const free = Math.max(0, policy.parallel - inStanding(state, 'working').length);
  return waiting.slice(0, free).map((host) => ({ kind: 'start', host }));
}

/** Whether every host has ended. */
export function isOver(state: RolloutState): boolean {
  return [...state.hosts.values()].every((standing) => standing.kind === 'ended');
}

function inStanding(state: RolloutState, kind: Standing['kind']): readonly string[] {
  return [...state.hosts].filter(([, standing]) => standing.kind === kind).map(([host]) => host);
}

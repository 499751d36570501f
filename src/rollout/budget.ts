import type { HostState } from '../events/event.ts';
import type { Policy } from './policy.ts';
import type { RolloutState } from './state.ts';

/** States in which a host is worse off than before, or nobody knows. A refused one is as it was, unless it was changed before. */
const bad: ReadonlySet<HostState> = new Set(['failed', 'unreachable', 'lost', 'rolled-back']);

/**
 * Hosts that ended badly, in the order of the rollout, those among them that somebody only looks at again. A canary that was
 * refused proves nothing, and counts.
 */
export function badHosts(state: RolloutState, policy: Policy): readonly string[] {
  return [...state.hosts].flatMap(([host, standing]) => {
    const state = standing.kind === 'ended' ? standing.state : 'was' in standing ? standing.was : undefined;
    if (state === undefined) return [];
    const isChanged = standing.kind === 'ended' && standing.changed === true;
    return bad.has(state) || isChanged || (state === 'refused' && policy.canaries.has(host)) ? [host] : [];
  });
}

/** Why the failure budget is spent, so that nobody starts any more; `null`: it is not. */
export function spentBudget(state: RolloutState, policy: Policy): string | null {
  const hosts = badHosts(state, policy);
  const canaries = hosts.filter((host) => policy.canaries.has(host));
  if (canaries.length > policy.maxCanaryFailures) {
    return `${list(canaries)} of the canary hosts did not end well; allowed: ${policy.maxCanaryFailures}`;
  }
  if (hosts.length > policy.maxFailures) {
    return `${list(hosts)} did not end well; allowed: ${policy.maxFailures}`;
  }
  return null;
}

function list(hosts: readonly string[]): string {
  const shown = hosts.slice(0, 5).join(', ');
  return hosts.length > 5 ? `${shown} and ${hosts.length - 5} more` : shown;
}

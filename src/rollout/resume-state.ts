import type { Failure, HostState, Stamped } from '../events/event.ts';
import { mayBeDown } from '../host/state.ts';
import { isDown, isHalfDone, type RolloutState, type Standing } from './state.ts';

/**
 * Where every host of a run stands for whoever goes on with it, by the events of its journal. Pure. Hosts that ended stay
 * ended: their failures count, and a lost one keeps its slot. One that was at work, also when it came to a safe end because
 * somebody asked to stop, is `cut-off`: it goes on first. One that was only not started waits, and so do those of `again`.
 */
export function resumeState(events: Iterable<Stamped>, again: ReadonlySet<string> = new Set()): RolloutState {
  const hosts = new Map<string, Known>();
  for (const event of events) {
    if (event.type === 'run-started') {
      for (const { name } of event.hosts) hosts.set(name, { standing: waiting, cutEarlier: false });
    } else if (event.type === 'run-resumed') {
      for (const name of event.left) {
        const known = hosts.get(name);
        // One that is tried again and is out of service has its slot already.
        const cutEarlier = known !== undefined && holdsPlace(known.standing);
        const was = event.looked?.includes(name) === true ? badOf(known) : undefined;
        hosts.set(name, { standing: cutEarlier ? cutOff(was) : waiting, cutEarlier, was });
      }
    } else if (event.type === 'host-started' || event.type === 'host-ended') {
      const { cutEarlier = false, was } = hosts.get(event.host) ?? {};
      const standing = event.type === 'host-started' ? cutOff(was) : ended(event, cutEarlier, was);
      hosts.set(event.host, { standing, cutEarlier, was: standing.kind === 'ended' ? undefined : was });
    }
  }
  const standings = [...hosts].map(([name, { standing }]): [string, Standing] => [
    name,
    again.has(name) ? (holdsPlace(standing) ? cutOff() : waiting) : standing,
  ]);
  return { hosts: new Map(standings), stopping: false, lastStart: null };
}

interface Known {
  /** As whoever goes on now finds it. */
  readonly standing: Standing;
  /** It was cut off in an earlier part of the run. */
  readonly cutEarlier: boolean;
  /** It had ended so, and this part of the run only looks whether it is back. */
  readonly was?: HostState | undefined;
}

const waiting: Standing = { kind: 'waiting' };

function cutOff(was?: HostState): Standing {
  return { kind: 'cut-off', ...(was !== undefined && { was }) };
}

function badOf(known: Known | undefined): HostState | undefined {
  return known?.standing.kind === 'ended' ? known.standing.state : known?.was;
}

function holdsPlace(standing: Standing): boolean {
  return standing.kind === 'cut-off' || (standing.kind === 'ended' && standing.holdsSlot);
}

type HostEnded = Extract<Stamped, { readonly type: 'host-ended' }>;

function ended(event: HostEnded, cutEarlier: boolean, was: HostState | undefined): Standing {
  const { state, holdsSlot = state === 'lost', failure } = event;
  if (isUnfinished(state, failure)) return cutEarlier || state !== 'skipped' ? cutOff(was) : waiting;
  const [changed, silent] = [isHalfDone(event), isSilent(event)];
  return { kind: 'ended', state, holdsSlot, ...(changed && { changed }), ...(silent && { silent }) };
}

/** Whether a host that keeps a place ended because nobody could talk to it any more, and may be back by now. */
function isSilent({ state, holdsSlot = state === 'lost', failure }: HostEnded): boolean {
  return holdsSlot && (isDown(state) || mayBeDown(failure?.code ?? ''));
}

/** Whether a host ended only because the rollout did: by Ctrl-C, or as it halted before the host could start. */
export function isUnfinished(state: HostState, failure: Pick<Failure, 'code'> | null | undefined): boolean {
  return failure?.code === 'interrupted' || (state === 'skipped' && (failure?.code.startsWith('rollout.') ?? false));
}

/**
 * The same, where hosts that stopped answering and keep a place are begun with again: whoever is back by now is gone on with, and
 * frees its place by that. Pure.
 */
export function lookAgain(state: RolloutState): RolloutState {
  const looked = (at: Standing): Standing => (at.kind === 'ended' && at.silent === true ? cutOff(at.state) : at);
  return { ...state, hosts: new Map([...state.hosts].map(([host, at]) => [host, looked(at)])) };
}

/** Hosts of which a resumed rollout only wants to know whether they are back. */
export function lookedAt(state: RolloutState): readonly string[] {
  return [...state.hosts].flatMap(([host, at]) => (at.kind === 'cut-off' && at.was !== undefined ? [host] : []));
}

/** Hosts that a resumed rollout has something to do for. */
export function leftOf(state: RolloutState): readonly string[] {
  return [...state.hosts].flatMap(([host, { kind }]) => (kind === 'ended' ? [] : [host]));
}

/**
 * Hosts that earlier parts of the run have changed, or may have: one that does not answer now may be down by that. One that came
 * to an end, and was in service then, was not.
 */
export function begunIn(events: Iterable<Stamped>): ReadonlySet<string> {
  const begun = new Set<string>();
  for (const event of events) {
    if (event.type === 'write-intent' || event.type === 'effect-intent' || event.type === 'hook-intent')
      begun.add(event.host);
    const { type } = event;
    if (type !== 'host-ended' || isUnfinished(event.state, event.failure)) continue;
    if (!(event.holdsSlot ?? event.state === 'lost')) begun.delete(event.host);
  }
  return begun;
}

/** Hosts that earlier parts of the run have lost, and not heard of since. */
export function lostIn(events: Iterable<Stamped>): ReadonlySet<string> {
  const lost = new Set<string>();
  for (const event of events) {
    if (event.type === 'facts-read') lost.delete(event.host);
    if (event.type !== 'host-ended' || isUnfinished(event.state, event.failure)) continue;
    if (isSilent(event)) lost.add(event.host);
    else lost.delete(event.host);
  }
  return lost;
}

/** Hosts that earlier parts of the run have begun to drain, and not taken back into service. */
export function drainedIn(events: Iterable<Stamped>): ReadonlySet<string> {
  const drained = new Set<string>();
  for (const event of events) {
    if (event.type === 'hook-intent' && event.hook === 'drain') drained.add(event.host);
    if (event.type === 'hook-done' && event.hook === 'undrain') drained.delete(event.host);
  }
  return drained;
}

/**
 * Hosts of which a reboot was asked, with the boot that it was to end (`null`: unknown), and of which nothing was heard
 * again: neither that it was made, nor how they ended, unless they fell silent. That one still answered in the boot from before
 * says nothing.
 */
export function rebootAskedIn(events: Iterable<Stamped>): ReadonlyMap<string, string | null> {
  const boots = new Map<string, string | null>();
  const asked = new Map<string, string | null>();
  for (const event of events) {
    if (event.type === 'facts-read') {
      const { bootId } = event.facts.identity;
      boots.set(event.host, bootId);
      if (asked.has(event.host) && asked.get(event.host) !== bootId) asked.delete(event.host);
    } else if (event.type === 'effect-intent' && event.effect.kind === 'reboot') {
      asked.set(event.host, boots.get(event.host) ?? null);
    } else if (event.type === 'effect-done' && event.effect.kind === 'reboot') {
      asked.delete(event.host);
    } else if (event.type === 'host-ended' && !isSilent(event) && !isUnfinished(event.state, event.failure)) {
      asked.delete(event.host);
    }
  }
  return asked;
}

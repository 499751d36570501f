import type { Bus } from '../events/bus.ts';
import type { Failure } from '../events/event.ts';
import { failureOf } from '../host/failure.ts';
import type { Clock } from '../host/reboot.ts';
import type { HostEnd } from '../host/run.ts';
import { foldNames } from '../names.ts';
import { type Decision, decide, isOver, type SkipReason } from './decide.ts';
import type { Policy } from './policy.ts';
import { beginRollout, isHalfDone, type RolloutState, step } from './state.ts';

/** Runs one host from beginning to end. */
export interface HostRunner {
  start(host: string): Promise<HostEnd>;
}

export interface DriveOptions {
  readonly hosts: readonly string[];
  /** Where they stand when it begins. Default: all of them wait. */
  readonly from?: RolloutState | undefined;
  readonly policy: Policy;
  readonly runner: HostRunner;
  readonly bus: Bus;
  readonly clock: Clock;
  /** Milliseconds since 1970, for maintenance windows. */
  readonly wall: () => number;
  /** Aborted: nobody starts any more; hosts at work come to their own safe end. */
  readonly stop: AbortSignal;
}

/**
 * Carries out what `decide` says until every host has ended: the one impure file of the rollout. A runner that throws
 * ends its own host as failed and no other.
 */
export async function drive({ hosts, from, policy, runner, bus, clock, wall, stop }: DriveOptions): Promise<void> {
  let state: RolloutState = from ?? beginRollout(hosts);
  let heldUntil = 0;
  const working = new Map<string, Promise<void>>();

  const end = (host: string, ended: HostEnd): void => {
    const holdsSlot = ended.holdsSlot ?? ended.state === 'lost';
    state = step(state, { type: 'ended', host, state: ended.state, holdsSlot, changed: isHalfDone(ended) });
    bus.emit({ type: 'host-ended', host, ...ended });
  };
  const tell = (decisions: readonly Decision[], wallNow: number): void => {
    const why = whyHalted(decisions);
    if (why !== null) bus.emit({ type: 'halted', why });
    const hold = decisions.find((decision) => decision.kind === 'hold');
    if (hold?.why !== 'window' || wallNow + hold.milliseconds === heldUntil) return;
    heldUntil = wallNow + hold.milliseconds;
    bus.emit({ type: 'held', until: new Date(heldUntil).toISOString() });
  };
  const work = async (host: string): Promise<void> => {
    const ended = await startOrExplain(bus, runner, host);
    working.delete(host);
    end(host, ended);
  };
  const act = (decision: Exclude<Decision, { kind: 'hold' }>): void => {
    const { host } = decision;
    if (decision.kind === 'skip') {
      end(host, { state: 'skipped', failure: notStarted(host, decision.reason), writes: 0, reboots: 0 });
      return;
    }
    state = step(state, { type: 'started', host, now: clock.now() });
    working.set(host, work(host));
  };

  while (!isOver(state)) {
    if (stop.aborted && !state.stopping) state = step(state, { type: 'stop' });
    const moment = { now: clock.now(), wall: wall() };
    const decisions = decide(state, policy, moment);
    tell(decisions, moment.wall);
    for (const decision of decisions) if (decision.kind !== 'hold') act(decision);
    const hold = decisions.find((decision) => decision.kind === 'hold');
    await changed([...working.values()], hold?.milliseconds ?? null, clock, state.stopping ? null : stop);
  }
}

/** Resolves when somebody has ended, the wait is over, or somebody asks to stop. */
async function changed(
  working: readonly Promise<void>[],
  milliseconds: number | null,
  clock: Clock,
  stop: AbortSignal | null,
): Promise<void> {
  if (working.length === 0 && milliseconds === null) return;
  const over = new AbortController();
  const signal = stop === null ? over.signal : AbortSignal.any([over.signal, stop]);
  const waits = [...working, ...(milliseconds === null ? [] : [clock.sleep(milliseconds, signal)])];
  if (stop !== null) waits.push(aborted(signal));
  await Promise.race(waits);
  over.abort();
}

async function startOrExplain(bus: Bus, runner: HostRunner, host: string): Promise<HostEnd> {
  try {
    await bus.intend({ type: 'host-started', host });
    return await runner.start(host);
  } catch (thrown) {
    return { state: 'failed', failure: failureOf(thrown, host), writes: 0, reboots: 0 };
  }
}

/** Why hosts will never start although nobody asked to stop; `null`: there are none. */
function whyHalted(decisions: readonly Decision[]): string | null {
  const reasons = decisions.flatMap((decision) => (decision.kind === 'skip' ? [decision.reason] : []));
  const reason = reasons.find(({ kind }) => kind !== 'interrupted');
  return reason === undefined || reason.kind === 'interrupted' ? null : explain(reason);
}

function notStarted(host: string, reason: SkipReason): Failure {
  if (reason.kind === 'interrupted') {
    return { code: 'interrupted', host, thing: 'not started', message: `${host}: interrupted before it started` };
  }
  const thing = 'not started: the rollout has halted';
  return { code: `rollout.${reason.kind}`, host, thing, message: `${host}: ${thing}` };
}

function explain(reason: Exclude<SkipReason, { readonly kind: 'interrupted' }>): string {
  switch (reason.kind) {
    case 'halted':
      return reason.why;
    case 'no-slot': {
      const { holders } = reason;
      const [are, them] = holders.length === 1 ? ['is', 'it'] : ['are', 'them'];
      const who = holders.length === 0 ? 'hosts that did not answer before' : foldNames(holders).join(', ');
      return `${who} ${are} out of service and took every place; bring ${them} back and go on, or apply again with a larger --per-rack`;
    }
    case 'no-window':
      return 'no maintenance window ever opens';
  }
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

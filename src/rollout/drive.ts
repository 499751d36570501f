import type { Bus } from '../events/bus.ts';
import type { Failure } from '../events/event.ts';
import { failureOf } from '../host/failure.ts';
import type { HostEnd } from '../host/run.ts';
import { decide, isOver, type Policy } from './decide.ts';
import { beginRollout, type RolloutState, step } from './state.ts';

/** Runs one host from beginning to end. */
export interface HostRunner {
  start(host: string): Promise<HostEnd>;
}

export interface DriveOptions {
  readonly hosts: readonly string[];
  readonly policy: Policy;
  readonly runner: HostRunner;
  readonly bus: Bus;
  /** Aborted: nobody starts any more; hosts at work come to their own safe end. */
  readonly stop: AbortSignal;
}

/**
 * Carries out what `decide` says until every host has ended: the one impure file of the rollout. A runner that throws
 * ends its own host as failed and no other.
 */
export async function drive({ hosts, policy, runner, bus, stop }: DriveOptions): Promise<void> {
  let state: RolloutState = beginRollout(hosts);
  const working = new Map<string, Promise<void>>();

  const end = (host: string, ended: HostEnd): void => {
    state = step(state, { type: 'ended', host, state: ended.state });
    bus.emit({ type: 'host-ended', host, ...ended });
  };
  const work = async (host: string): Promise<void> => {
    const ended = await startOrExplain(bus, runner, host);
    working.delete(host);
    end(host, ended);
  };

  while (!isOver(state)) {
    if (stop.aborted && !state.stopping) state = step(state, { type: 'stop' });
    for (const decision of decide(state, policy)) {
      if (decision.kind === 'skip') {
        end(decision.host, { state: 'skipped', failure: interrupted(decision.host), writes: 0, reboots: 0 });
      } else {
        state = step(state, { type: 'started', host: decision.host });
        working.set(decision.host, work(decision.host));
      }
    }
    if (working.size > 0) await Promise.race([...working.values(), aborted(stop, state.stopping)]);
  }
}

async function startOrExplain(bus: Bus, runner: HostRunner, host: string): Promise<HostEnd> {
  try {
    await bus.intend({ type: 'host-started', host });
    return await runner.start(host);
  } catch (thrown) {
    return { state: 'failed', failure: failureOf(thrown, host), writes: 0, reboots: 0 };
  }
}

function interrupted(host: string): Failure {
  return { code: 'interrupted', host, thing: 'not started', message: `${host}: interrupted before it started` };
}

/** Resolves when the signal aborts; never, once that has been acted upon. */
function aborted(signal: AbortSignal, known: boolean): Promise<void> {
  if (known) return new Promise(() => {});
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

import type { Phase } from '../events/event.ts';
import type { Connection } from '../transport/transport.ts';
import { interruptedAt } from './interrupt.ts';
import type { Session } from './session.ts';

/** What may go on at once on so many hosts at most; `null`: on all that are in flight. */
export interface PhaseLimits {
  readonly connecting: number | null;
  readonly applying: number | null;
  readonly rebooting: number | null;
}

/** Places that hosts take turns in. */
export interface Slots {
  /** How many there are; infinity: no limit. */
  readonly limit: number;
  readonly taken: number;
  /** Resolves with what gives the place back; with `null` when the signal aborts first. First come, first served. */
  take(signal: AbortSignal): Promise<(() => void) | null>;
}

/** The limits of one run, shared by all its hosts. */
export type Limits = { readonly [Limited in keyof PhaseLimits]: Slots };

/** Limits of which nothing is taken yet. */
export function createLimits({ connecting, applying, rebooting }: PhaseLimits): Limits {
  return { connecting: slots(connecting), applying: slots(applying), rebooting: slots(rebooting) };
}

/** Logs in to a host; the signal is aborted when it is not wanted any more. */
type LogIn = (signal: AbortSignal) => Promise<Connection>;

/**
 * Logs in within a limit, whenever a link is made, also anew: it spares what all of them ask, a directory server or
 * the controller's processor; a jump host has a limit of its own. `onWait`: called when there is none free. Errors:
 * `interrupted`, those of the log-in.
 */
export function inTurn(host: string, places: Slots | undefined, logIn: LogIn, onWait: (text: string) => void): LogIn {
  if (places === undefined) return logIn;
  return async (signal) => {
    if (places.taken >= places.limit) onWait(`waiting to log in: ${places.limit} do so already, as many as may`);
    const give = await places.take(signal);
    if (give === null) throw interruptedAt(host, false);
    try {
      return await logIn(signal);
    } finally {
      give();
    }
  };
}

/**
 * Does work within a limit. A host that holds a place waits for no other, but for one to log in with: whoever has that waits
 * for none, so that nobody waits for ever. Errors: `interrupted` when the run is stopped while it waits.
 */
export async function within<Value>(
  session: Pick<Session, 'context' | 'name' | 'begun' | 'enter'>,
  limited: 'applying' | 'rebooting',
  phase: Phase,
  work: () => Promise<Value>,
): Promise<Value> {
  const { limits, stop } = session.context;
  const places = limits?.[limited];
  if (places === undefined) return work();
  if (places.taken >= places.limit) session.enter(phase, `waiting: ${places.limit} ${limited} already, as many as may`);
  const give = await places.take(stop);
  if (give === null) throw interruptedAt(session.name, session.begun);
  try {
    return await work();
  } finally {
    give();
  }
}

function slots(most: number | null): Slots {
  const limit = most ?? Number.POSITIVE_INFINITY;
  const waiting: (() => void)[] = [];
  let taken = 0;
  const give = (): void => {
    taken -= 1;
    waiting.shift()?.();
  };
  return {
    limit,
    get taken() {
      return taken;
    },
    take(signal) {
      const once = (): (() => void) => {
        taken += 1;
        let given = false;
        return () => {
          if (!given) give();
          given = true;
        };
      };
      if (signal.aborted) return Promise.resolve(null);
      if (taken < limit) return Promise.resolve(once());
      return new Promise((resolve) => {
        const begin = (): void => {
          signal.removeEventListener('abort', abort);
          resolve(once());
        };
        const abort = (): void => {
          waiting.splice(waiting.indexOf(begin), 1);
          resolve(null);
        };
        waiting.push(begin);
        signal.addEventListener('abort', abort, { once: true });
      });
    },
  };
}

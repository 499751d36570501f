import { asVfleetError, type VfleetError } from '../errors.ts';
import { type Event, type Intent, intents, type Notice, type Stamped } from './event.ts';
import type { Journal } from './journal.ts';

/** Is told every event, in order. */
export type Subscriber = (event: Stamped) => void;

/** The one way out of the core: everything that happens goes through here, in one order for all. */
export interface Bus {
  /** Tells that something is so, or was done. Every subscriber has it when this returns. */
  emit(event: Notice): void;
  /**
   * Announces an act. Resolves when the journal has it on disk: only then may the act begin.
   * Errors: those of `Journal.sync`; the act must then not be done.
   */
  intend(event: Intent): Promise<void>;
  /** Adds a subscriber; it is told what comes from now on. Returns its removal. */
  subscribe(subscriber: Subscriber): () => void;
  /** Ends the run's events. Errors: the journal's, else the first that a subscriber threw. */
  close(): Promise<void>;
}

export interface BusOptions {
  readonly now: () => Date | string;
  /** Where events are kept; without one, intents resolve at once. */
  readonly journal?: Journal | undefined;
}

/**
 * Makes a bus. A subscriber that throws is still told of all later events, and stops no other; what it threw is told by
 * `close`.
 */
export function createBus({ now, journal }: BusOptions): Bus {
  const subscribers = new Set<Subscriber>();
  const queue: Stamped[] = [];
  let telling = false;
  let closing: Promise<void> | undefined;
  let bug: VfleetError | undefined;

  const guarded = (act: () => void): void => {
    try {
      act();
    } catch (thrown) {
      bug ??= asVfleetError(thrown);
    }
  };
  const stamp = (event: Event): Stamped => {
    if (closing !== undefined) throw new Error(`event ${event.type} after the bus was closed`);
    return { at: timestamp(now()), ...event };
  };
  // A subscriber may itself emit: its event waits, so that everybody sees the same order as the journal.
  const tell = (stamped: Stamped): void => {
    queue.push(stamped);
    if (telling) return;
    telling = true;
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
      const current = event;
      for (const subscriber of [...subscribers]) guarded(() => subscriber(current));
    }
    telling = false;
  };

  return {
    emit(event) {
      if (intents.has(event.type)) throw new Error(`event ${event.type} is an intent: await intend()`);
      const stamped = stamp(event);
      guarded(() => journal?.append(stamped));
      tell(stamped);
    },
    async intend(event) {
      const stamped = stamp(event);
      journal?.append(stamped);
      tell(stamped);
      await journal?.sync();
    },
    subscribe(subscriber) {
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
    close() {
      closing ??= (async () => {
        await journal?.close();
        if (bug !== undefined) throw bug;
      })();
      return closing;
    },
  };
}

function timestamp(now: Date | string): string {
  return typeof now === 'string' ? now : now.toISOString();
}

import { type Agenda, createAgenda } from './agenda.ts';

/** Everything waits, and nobody will ever wake it. */
export class Stuck extends Error {}

const drained = globalThis.setImmediate;
const longest = 60 * 24 * 3_600_000;

/**
 * Time that passes only when there is nothing else to do: then it is at once as late as the next timer. It takes the place of
 * the global timers, so that code that has time-outs runs as it is shipped.
 */
export class VirtualTime {
  /** Milliseconds; monotonic. */
  now = 0;
  /** What an operator has set the wall clock to, beside the time that has passed. */
  wallOffset = Date.UTC(2026, 0, 5);
  readonly #agenda: Agenda = createAgenda();
  #broken: unknown;

  /** Milliseconds since 1970. */
  get wall(): number {
    return this.wallOffset + this.now;
  }

  /** Calls back after so many milliseconds; gives what calls it off. */
  after(milliseconds: number, act: () => void): () => void {
    return this.#agenda.add(this.now + Math.max(0, milliseconds), act);
  }

  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        callOff();
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const callOff = this.after(milliseconds, wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  /** Something is wrong with the simulation itself: `run` ends with it. */
  fail(thrown: unknown): void {
    this.#broken ??= thrown;
  }

  /** Lets the program run until the work is done. Errors: those of the work, and `Stuck`. */
  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    const outcome: { value?: Value; thrown?: unknown; over: boolean; failed: boolean } = { over: false, failed: false };
    work().then(
      (value) => Object.assign(outcome, { value, over: true }),
      (thrown: unknown) => Object.assign(outcome, { thrown, over: true, failed: true }),
    );
    for (;;) {
      // All microtasks have run when the event loop comes to its next turn: nothing here waits for the real world.
      await new Promise((resolve) => drained(resolve));
      if (this.#broken !== undefined) throw this.#broken;
      if (outcome.over) break;
      const next = this.#agenda.take();
      if (next === null) throw new Stuck(`everything waits for ever, at ${this.now} ms`);
      this.now = Math.max(this.now, next.at);
      if (this.now > longest) throw new Stuck('no end within 60 days');
      next.act();
    }
    if (outcome.failed) throw outcome.thrown;
    return outcome.value as Value;
  }
}

let current = new VirtualTime();

/** Replaces the timers of this process for good; each call begins a new time. */
export function startVirtualTime(): VirtualTime {
  current = new VirtualTime();
  Object.assign(globalThis, { setTimeout: later, clearTimeout: callOff, setImmediate: soon, clearImmediate: callOff });
  return current;
}

interface Timer {
  callOff(): void;
  ref(): Timer;
  unref(): Timer;
}

function later(act: (...values: unknown[]) => void, milliseconds = 0, ...values: unknown[]): Timer {
  const timer: Timer = {
    callOff: current.after(milliseconds, () => act(...values)),
    ref: () => timer,
    unref: () => timer,
  };
  return timer;
}

function soon(act: (...values: unknown[]) => void, ...values: unknown[]): Timer {
  return later(act, 0, ...values);
}

function callOff(timer: Timer | undefined): void {
  timer?.callOff();
}

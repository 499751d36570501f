import { setMaxListeners } from 'node:events';

/** What Ctrl-C means while hosts are at work. */
export interface Interrupts {
  /** First Ctrl-C: nobody starts any more; hosts at work come to a safe end. */
  readonly stop: AbortSignal;
  /** Second: also give up waiting. Detached work on hosts and reboots go on by themselves. */
  readonly abandon: AbortSignal;
  /** Gives Ctrl-C back its usual meaning. */
  release(): void;
}

const keys = ['SIGINT', 'SIGTERM'] as const;

/**
 * Takes SIGINT, SIGTERM and a lost terminal's SIGHUP over. A terminal or a reader is lost once, however often that is told,
 * and often by the same Ctrl-C: it stops, but never counts as one more Ctrl-C. `say` shows a line to whoever pressed it.
 */
export function catchInterrupts(say: (line: string) => void): Interrupts {
  const stop = new AbortController();
  const abandon = new AbortController();
  // Every host listens: their number is no leak.
  setMaxListeners(0, stop.signal, abandon.signal);
  let pressed = false;
  const onLost = (): void => {
    if (stop.signal.aborted) return;
    say('interrupted: no further host is started; hosts at work come to a safe end (again to stop waiting)');
    stop.abort();
  };
  const onKey = (): void => {
    if (!pressed) {
      pressed = true;
      onLost();
    } else if (!abandon.signal.aborted) {
      say('interrupted again: not waiting any longer; what is due is written down on the hosts');
      abandon.abort();
    }
  };
  for (const signal of keys) process.on(signal, onKey);
  process.on('SIGHUP', onLost);
  return {
    stop: stop.signal,
    abandon: abandon.signal,
    release() {
      for (const signal of keys) process.off(signal, onKey);
      process.off('SIGHUP', onLost);
    },
  };
}

/** Milliseconds for what still ends by itself, when all that was to be said has been said. */
const farewell = 500;

/** Ends the process soon, also where code of a playbook that was given up still holds it: by a timer, by a socket. */
export function endSoon(code: number): void {
  setTimeout(() => process.exit(code), farewell).unref();
}

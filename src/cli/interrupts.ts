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

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Takes SIGINT, SIGTERM and a lost terminal's SIGHUP over. `say` shows a line to whoever pressed Ctrl-C. */
export function catchInterrupts(say: (line: string) => void): Interrupts {
  const stop = new AbortController();
  const abandon = new AbortController();
  // Every host listens: their number is no leak.
  setMaxListeners(0, stop.signal, abandon.signal);
  const onSignal = (): void => {
    if (!stop.signal.aborted) {
      say('interrupted: no further host is started; hosts at work come to a safe end (again to stop waiting)');
      stop.abort();
    } else if (!abandon.signal.aborted) {
      say('interrupted again: not waiting any longer; what is due is written down on the hosts');
      abandon.abort();
    }
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    stop: stop.signal,
    abandon: abandon.signal,
    release() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

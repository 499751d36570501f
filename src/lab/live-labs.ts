/** Something that must not outlive this process. */
export interface Live {
  /** Ends it without waiting. */
  endNow(): void;
}

const live = new Set<Live>();
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Ends it when this process exits or is asked to, unless `forget` is called first. Returns `forget`. */
export function endWithProcess(thing: Live): () => void {
  if (live.size === 0) {
    process.on('exit', endAll);
    for (const name of signals) process.on(name, onSignal);
  }
  live.add(thing);
  return () => {
    live.delete(thing);
    if (live.size > 0) return;
    process.off('exit', endAll);
    for (const name of signals) process.off(name, onSignal);
  };
}

function endAll(): void {
  for (const thing of live) thing.endNow();
  live.clear();
}

/** Somebody else who listens decides when the process ends. Alone, we end it as the signal would have. */
function onSignal(name: NodeJS.Signals): void {
  if (process.listenerCount(name) > 1) return;
  endAll();
  process.off(name, onSignal);
  process.kill(process.pid, name);
}

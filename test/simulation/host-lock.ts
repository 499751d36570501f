import type { VirtualTime } from './virtual-time.ts';

/** A lock as `flock` takes it. */
export interface HostLock {
  /** Waits so long, `null`: for ever, for the lock; gives what lets it go, or `null` where it was not to be had. */
  take(wait: number | null): Promise<(() => void) | null>;
}

export function createLock(time: VirtualTime): HostLock {
  let held = false;
  const waiting: (() => void)[] = [];
  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) held = false;
    else next();
  };
  const once = (): (() => void) => {
    let over = false;
    return () => {
      if (!over) release();
      over = true;
    };
  };
  return {
    take(wait) {
      if (!held) {
        held = true;
        return Promise.resolve(once());
      }
      if (wait === 0) return Promise.resolve(null);
      return new Promise((resolve) => {
        const callOff =
          wait === null
            ? () => {}
            : time.after(wait, () => {
                waiting.splice(waiting.indexOf(grant), 1);
                resolve(null);
              });
        const grant = (): void => {
          callOff();
          resolve(once());
        };
        waiting.push(grant);
      });
    },
  };
}

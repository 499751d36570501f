import { type FSWatcher, readFileSync, watch } from 'node:fs';
import path from 'node:path';

/** What a tool inside a node asks of the machine. */
export type PowerWish = 'reboot' | 'poweroff';

/** The file in a node's tree that its tools write their wish into. */
export const powerFile = 'run/lab/power';

/**
 * Calls `notice` once, when a tool in the tree has asked for a reboot or a power-off. Returns what stops the watch.
 * The file is also looked at twice a second: a script may have removed the watched folder, or watches may be used up.
 */
export function watchPower(root: string, notice: (wish: PowerWish) => void): () => void {
  const file = path.join(root, powerFile);
  let watcher: FSWatcher | null = null;
  const stop = () => {
    watcher?.close();
    clearInterval(timer);
  };
  const look = () => {
    const wish = readWish(file);
    if (wish === null) return;
    stop();
    notice(wish);
  };
  const timer = setInterval(look, 500);
  try {
    watcher = watch(path.dirname(file), look);
    watcher.on('error', () => {});
  } catch {
    // The timer will do.
  }
  return stop;
}

function readWish(file: string): PowerWish | null {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return text === 'reboot' || text === 'poweroff' ? text : null;
  } catch {
    return null;
  }
}

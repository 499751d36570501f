import { join } from 'node:path';

/** The folder of all runs. */
export function runsFolder(state: string): string {
  return join(state, 'runs');
}

/**
 * The folder of a new run: `<state>/runs/2026-11-23T03-50-00Z-5f3a`, where `state` is `$XDG_STATE_HOME/vfleet`. Names
 * sort by time; the last part is the run's name. `random` gives numbers from 0 up to 1, as `Math.random` does.
 */
export function runFolder(state: string, now: Date, random: () => number): string {
  const time = now
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-');
  // The rest of the second, so that two runs within one sort by time too; chance fills the millisecond.
  // There are 65 numbers for each.
  const suffix = (Math.floor(now.getMilliseconds() * 65.536) + Math.floor(random() * 65)).toString(16).padStart(4, '0');
  return join(runsFolder(state), `${time}-${suffix}`);
}

import type { Around, PlannedHook } from '../../events/event.ts';
import { formatDuration } from '../duration.ts';
import { escapeLine } from '../escape.ts';

/** What runs around a reboot, in one line: which hooks, where, for how long, and what turns the machine off and on. */
export function describeAround({ drain, undrain, power }: Around): string {
  const hooks = [
    ...(drain === null ? [] : [`drain before it (${describeHook(drain)})`]),
    ...(undrain === null ? [] : [`undrain at the end (${describeHook(undrain)})`]),
    ...(drain !== null && undrain === null ? ['no undrain'] : []),
  ];
  const cycle = power === null ? [] : [`${escapeLine(power.program)} cycles the power where it does not come back`];
  return [...hooks, ...cycle].join(', ');
}

function describeHook({ kind, where, timeoutSeconds, about }: PlannedHook): string {
  const what = about ?? (kind === 'function' ? 'a function' : `a command on the ${where ?? 'host'}`);
  return `${escapeLine(what)}; at most ${formatDuration(timeoutSeconds * 1000).replace(/ 0 (?:s|min)$/, '')}`;
}

import type { Stamped } from '../events/event.ts';
import { formatClock } from './duration.ts';
import { escapeLine } from './escape.ts';
import type { Paint } from './paint.ts';
import { count } from './text/block.ts';
import { failureLine } from './text/failure.ts';
import { stateText } from './text/state.ts';

/**
 * The line that stays of an event: a host's end, a warning; with `all` also the steps that take long. `null`: none. Hosts
 * that never started have no line each: there may be thousands. `startedAt` in milliseconds since 1970.
 */
export function progressLine(event: Stamped, startedAt: number | null, all: boolean, paint: Paint): string | null {
  switch (event.type) {
    case 'host-ended':
      return event.state === 'skipped' ? null : endLine(event, startedAt, paint);
    case 'warning': {
      const about = event.host === null ? '' : `${escapeLine(event.host)}: `;
      return `${about}${paint.doubtful('warning:')} ${escapeLine(event.text)}`;
    }
    case 'run-started':
      return all ? `${event.command}: ${count(event.hosts.length, 'host')}` : null;
    case 'run-resumed':
      return all ? `${event.command}, part ${event.part}: ${count(event.left.length, 'host')}` : null;
    case 'phase': {
      if (!all || event.phase !== 'reboot') return null;
      return `${escapeLine(event.host)}: ${['reboot', event.detail]
        .filter(Boolean)
        .map((text) => escapeLine(text ?? ''))
        .join(', ')}`;
    }
    case 'hook-intent':
      return all ? `${escapeLine(event.host)}: ${event.hook}` : null;
    case 'rebooted':
      return all ? `${escapeLine(event.host)}: back after the reboot` : null;
    case 'halted':
      return `${paint.bad('halted:')} ${escapeLine(event.why)}; no further host starts, those at work come to a safe end`;
    case 'held':
      return `${paint.doubtful('waiting:')} no host starts before ${escapeLine(event.until)}, when a maintenance window opens`;
    case 'host-started':
    case 'facts-read':
    case 'backups':
    case 'leftovers':
    case 'planned':
    case 'write-intent':
    case 'written':
    case 'effect-intent':
    case 'effect-done':
    case 'hook-done':
    case 'verdict':
    case 'progress':
    case 'run-ended':
      return null;
  }
}

type Ended = Extract<Stamped, { readonly type: 'host-ended' }>;

function endLine(
  { host, state, failure, writes, reboots, rebootDue, drained, powerCycled, at }: Ended,
  startedAt: number | null,
  paint: Paint,
): string {
  const parts = [
    ...(writes > 0 ? [count(writes, 'write')] : []),
    ...(reboots > 0 ? [count(reboots, 'reboot')] : []),
    ...(startedAt === null ? [] : [formatClock(Date.parse(at) - startedAt)]),
  ];
  const name = paint.strong(escapeLine(host));
  const sums = parts.length === 0 ? '' : ` (${parts.join(', ')})`;
  const due = rebootDue === undefined ? '' : `, ${paint.doubtful('reboot due')}`;
  const cycled = powerCycled === true ? `, ${paint.doubtful('power cycled')}` : '';
  const out = drained === true ? `, ${paint.doubtful('still drained')}` : '';
  return `${name}: ${stateText(state, paint)}${sums}${cycled}${out}${due}${failure === undefined ? '' : `: ${failureLine(failure)}`}`;
}

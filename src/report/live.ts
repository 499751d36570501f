import type { Command, HostState, Phase, Stamped } from '../events/event.ts';
import { formatClock } from './duration.ts';
import { escapeLine } from './escape.ts';
import type { Paint } from './paint.ts';
import { hostStates } from './summary.ts';
import { displayWidth, padLeft, padRight, truncate } from './width.ts';

/** A host at work. */
export interface Working {
  readonly phase: Phase | null;
  /** When it started, in milliseconds since 1970. */
  readonly startedAt: number;
  /** When the phase began, in milliseconds since 1970. */
  readonly since: number;
  /** What it does now, as last told; escaped. */
  readonly detail: string;
}

/** A run at this moment, as much of it as a window shows. */
export interface Live {
  readonly command: Command | null;
  readonly startedAt: number;
  readonly hosts: number;
  /** Hosts at work, in the order in which they started. */
  readonly working: ReadonlyMap<string, Working>;
  readonly ended: ReadonlyMap<HostState, number>;
  /** No host starts any more. */
  readonly halted: boolean;
}

/** A run of which nothing has been told. */
export const nothingYet: Live = {
  command: null,
  startedAt: 0,
  hosts: 0,
  working: new Map(),
  ended: new Map(),
  halted: false,
};

/** The run after an event. Pure. */
export function follow(live: Live, event: Stamped): Live {
  const at = Date.parse(event.at);
  switch (event.type) {
    case 'run-started':
      return { ...nothingYet, command: event.command, startedAt: at, hosts: event.hosts.length };
    case 'run-resumed':
      return { ...nothingYet, command: event.command, startedAt: at, hosts: event.left.length };
    case 'host-started':
      return withWorking(live, event.host, { phase: null, startedAt: at, since: at, detail: '' });
    case 'phase': {
      const before = live.working.get(event.host);
      const since = before?.phase === event.phase ? before.since : at;
      const startedAt = before?.startedAt ?? at;
      return withWorking(live, event.host, {
        phase: event.phase,
        startedAt,
        since,
        detail: escaped(event.detail ?? ''),
      });
    }
    case 'progress': {
      const before = live.working.get(event.host);
      return before === undefined ? live : withWorking(live, event.host, { ...before, detail: escaped(event.line) });
    }
    case 'host-ended': {
      const working = new Map(live.working);
      working.delete(event.host);
      const ended = new Map(live.ended).set(event.state, (live.ended.get(event.state) ?? 0) + 1);
      return { ...live, working, ended };
    }
    case 'halted':
      return { ...live, halted: true };
    case 'held':
    case 'facts-read':
    case 'backups':
    case 'leftovers':
    case 'planned':
    case 'write-intent':
    case 'written':
    case 'effect-intent':
    case 'effect-done':
    case 'hook-intent':
    case 'hook-done':
    case 'rebooted':
    case 'verdict':
    case 'warning':
    case 'run-ended':
      return live;
  }
}

/** The window's lines: numbers by state and phase, then the hosts that have been at work for longest. Pure. */
export function liveLines(live: Live, now: number, size: Size, paint: Paint): readonly string[] {
  const all = [...live.working];
  const room = Math.max(0, size.rows - 1);
  const shown = all.slice(0, all.length <= room ? room : room - 1);
  const names = shown.map(([name]) => truncate(escapeLine(name), 24));
  const width = Math.max(0, ...names.map(displayWidth));
  const lines = shown.map(([, { phase, since, detail }], at) => {
    const elapsed = padLeft(formatClock(now - since), 7);
    return `  ${padRight(names[at] ?? '', width)}  ${padRight(phase ?? 'start', 7)}  ${elapsed}  ${detail}`.trimEnd();
  });
  const more = shown.length < all.length && room > 0 ? [`  and ${all.length - shown.length} more at work`] : [];
  const [head, ...others] = [headLine(live, now), ...lines, ...more].map((line) => truncate(line, size.columns));
  return [paint.strong(head ?? ''), ...others];
}

/** What a window has: columns, and lines. */
interface Size {
  readonly columns: number;
  readonly rows: number;
}

const phases: readonly Phase[] = [
  'connect',
  'facts',
  'gate',
  'plan',
  'apply',
  'settle',
  'drain',
  'reboot',
  'verify',
  'soak',
  'undrain',
];

function headLine({ command, startedAt, hosts, working, ended, halted }: Live, now: number): string {
  const done = [...ended.values()].reduce((sum, number) => sum + number, 0);
  const waiting = Math.max(0, hosts - done - working.size);
  const states = numbered(hostStates, (state) => ended.get(state) ?? 0);
  const inPhase = (phase: Phase): number =>
    [...working.values()].filter((host) => (host.phase ?? 'connect') === phase).length;
  const parts = [
    `${command ?? 'run'} ${formatClock(now - startedAt)}`,
    `${done} of ${hosts} done${states === '' ? '' : `: ${states}`}`,
    numbered(phases, inPhase),
    halted ? 'halted' : waiting > 0 ? `${waiting} waiting` : '',
  ];
  return parts.filter(Boolean).join(' | ');
}

function numbered<Name extends string>(names: readonly Name[], numberOf: (name: Name) => number): string {
  const numbers = names.map((name) => ({ name, number: numberOf(name) }));
  return numbers
    .filter(({ number }) => number > 0)
    .map(({ name, number }) => `${number} ${name}`)
    .join(', ');
}

function withWorking(live: Live, host: string, working: Working): Live {
  return { ...live, working: new Map(live.working).set(host, working) };
}

// Only the head of a long line is ever seen.
function escaped(text: string): string {
  return escapeLine(text.slice(0, 500));
}

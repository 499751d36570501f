import type { HostState } from '../../events/event.ts';
import { escapeLine } from '../escape.ts';
import { createPaint, type Paint } from '../paint.ts';
import { hostStates, type Summary } from '../summary.ts';
import { joinSections, table } from './block.ts';

/** One line of the list of runs. */
export interface ListedRun {
  readonly name: string;
  readonly standing: 'running' | 'finished' | 'halted' | 'interrupted' | 'crashed' | 'unreadable';
  /** `null`: its journal cannot be read. */
  readonly summary: Summary | null;
  readonly parts: number;
  /** Who is at work in it, or why it cannot be read. */
  readonly about: string | null;
}

/** Runs for people, each on one line: when, what, hosts by state, and how it stands. Times are UTC, as in the names. */
export function renderRuns(runs: readonly ListedRun[], { colour }: { readonly colour: boolean }): string {
  const paint = createPaint(colour);
  if (runs.length === 0) return 'no runs\n';
  const head = ['run', 'command', 'playbook', 'hosts', 'standing'].map((text) => paint.quiet(text));
  const rows = runs.map((run) => [run.name, ...about(run.summary), hostsText(run.summary), standingText(run, paint)]);
  return joinSections([table([head, ...rows.map((cells) => cells.map(escapeCell))], new Set())]);
}

function escapeCell(cell: string, index: number): string {
  // The last one has its colours already.
  return index === 4 ? cell : escapeLine(cell);
}

function about(summary: Summary | null): readonly string[] {
  if (summary === null) return ['-', '-'];
  return [`${summary.command ?? '-'}${summary.dryRun ? ' (dry run)' : ''}`, summary.playbook ?? '-'];
}

function hostsText(summary: Summary | null): string {
  if (summary === null) return '-';
  const { hosts, states, notEnded } = summary.totals;
  const parts = hostStates.flatMap((state: HostState) => (states[state] === 0 ? [] : [`${states[state]} ${state}`]));
  return `${hosts}: ${[...parts, ...(notEnded > 0 ? [`${notEnded} not ended`] : [])].join(', ')}`;
}

function standingText({ standing, parts, about: note }: ListedRun, paint: Paint): string {
  const text = standing === 'finished' ? paint.good(standing) : standing === 'running' ? standing : paint.bad(standing);
  const notes = [...(parts > 1 ? [`part ${parts}`] : []), ...(note === null ? [] : [escapeLine(note)])];
  return notes.length === 0 ? text : `${text} (${notes.join('; ')})`;
}

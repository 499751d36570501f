import type { Outcome, Verdict } from '../../checks/check.ts';
import { escapeLine } from '../escape.ts';
import { createPaint, type Paint } from '../paint.ts';
import { type HostSummary, hostStates } from '../summary.ts';
import { count, indent, joinSections, type TextOptions, table } from './block.ts';
import { groupByText, heading } from './group.ts';
import { isOpen, outcomeNames, outcomes, outcomeText, verdictLines } from './verdict.ts';

/** What is shown of a verified host; a host of a summary is one. */
export type JudgedHost = Pick<HostSummary, 'name' | 'state' | 'checks'>;

/**
 * What checks found, for people: a table of checks with numbers of hosts, then the hosts that did not pass with evidence
 * and remedy (`verbose`: all hosts), equal ones together. Hosts that were not checked are named. Empty without hosts.
 */
export function renderVerdicts(hosts: readonly JudgedHost[], options: TextOptions): string {
  const paint = createPaint(options.colour);
  const judged = hosts.filter(({ checks }) => checks.length > 0);
  const shown = judged.filter(({ checks }) => options.verbose === true || checks.some(isOpen));
  const groups = groupByText(shown, ({ checks }) =>
    checks
      .filter((verdict) => options.verbose === true || isOpen(verdict))
      .flatMap((verdict) => verdictLines(verdict, paint)),
  );
  return joinSections([
    outcomeTable(judged, paint),
    ...groups.map(({ hosts: same, lines }) => [heading(same, standing(same, paint), paint), ...indent(lines)]),
    unjudgedLines(hosts, paint),
  ]);
}

function standing(hosts: readonly JudgedHost[], paint: Paint): string {
  const open = hosts[0]?.checks.filter(isOpen) ?? [];
  const failed = open.filter(({ outcome }) => outcome === 'fail').length;
  const unknown = open.length - failed;
  const parts = [
    ...(failed > 0 ? [paint.bad(`${count(failed, 'check')} failed`)] : []),
    ...(unknown > 0 ? [paint.doubtful(`${unknown} unknown`)] : []),
  ];
  return parts.length > 0 ? parts.join(', ') : paint.good('all checks passed');
}

function outcomeTable(hosts: readonly JudgedHost[], paint: Paint): readonly string[] {
  const rows = new Map<string, { readonly title: string; readonly numbers: Map<Outcome, number> }>();
  for (const { check, title, outcome } of hosts.flatMap(({ checks }): readonly Verdict[] => checks)) {
    const key = JSON.stringify([check, title]);
    const row = rows.get(key) ?? { title, numbers: new Map() };
    row.numbers.set(outcome, (row.numbers.get(outcome) ?? 0) + 1);
    rows.set(key, row);
  }
  if (rows.size === 0) return [];
  const columns = outcomes.filter((outcome) => [...rows.values()].some(({ numbers }) => numbers.has(outcome)));
  const head = [count(hosts.length, 'host'), ...columns.map((outcome) => outcomeNames[outcome])];
  const body = [...rows.values()].map(({ title, numbers }) => [
    escapeLine(title),
    ...columns.map((outcome) => cell(numbers.get(outcome), outcome, paint)),
  ]);
  return table([head.map(paint.strong), ...body], new Set(columns.map((_, at) => at + 1)));
}

function cell(number: number | undefined, outcome: Outcome, paint: Paint): string {
  return number === undefined ? paint.quiet('-') : outcomeText(outcome, paint, String(number));
}

function unjudgedLines(hosts: readonly JudgedHost[], paint: Paint): readonly string[] {
  const unjudged = hosts.filter(({ checks }) => checks.length === 0);
  return [...hostStates, null].flatMap((state) => {
    const same = unjudged.filter((host) => host.state === state);
    if (same.length === 0) return [];
    const reason = state === 'ok' ? 'no checks' : `not checked, ${state ?? 'not ended'}`;
    return [heading(same, state === 'ok' ? reason : paint.bad(reason), paint)];
  });
}

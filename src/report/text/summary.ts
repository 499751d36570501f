import type { Command } from '../../events/event.ts';
import { formatDuration } from '../duration.ts';
import { escapeLine } from '../escape.ts';
import { nameList } from '../names.ts';
import { createPaint, type Paint } from '../paint.ts';
import { type HostSummary, hostStates, type Summary } from '../summary.ts';
import { count, indent, joinSections, type TextOptions, table } from './block.ts';
import { groupByText, heading } from './group.ts';
import { nextCommand } from './hint.ts';
import { leftoverLines } from './leftovers.ts';
import { failedChecks, reasonLines } from './reason.ts';
import { nothingTo, stateText } from './state.ts';

export interface SummaryOptions extends TextOptions {
  /** What the user gave beside the command, for the command to run next: `playbooks/passthrough.ts -i racks.yaml`. */
  readonly given?: string | undefined;
  /** How the user limited the hosts, for the same: `-l rack:r12`. */
  readonly limit?: string | undefined;
  /** Options for the same that only some commands take; `narrowed`: it is about some of the hosts alone. Default: none. */
  readonly flags?: ((next: Command, narrowed: boolean) => string) | undefined;
}

/**
 * How a run went, for people: each host that did not end well with its reason, then hosts by state, sums, and what to run
 * next. What `renderPlans` tells of `plan`, and `renderVerdicts` of the checks of `verify`, is not told again.
 */
export function renderSummary(summary: Summary, options: SummaryOptions): string {
  const paint = createPaint(options.colour);
  const { hosts, warnings } = summary;
  const hint = nextCommand(summary, options.given ?? '…', options.limit, options.flags);
  const totals = totalLine(summary, paint, options);
  const next = hint === null ? [] : [`${paint.strong('next:')} ${hint}`];
  if (summary.command === 'plan' || (summary.dryRun && summary.command !== 'backups'))
    return joinSections([
      warningLines(warnings, [], paint),
      rebootLines(hosts, paint),
      haltLines(summary, paint),
      [totals],
      next,
    ]);
  return joinSections([
    warningLines(warnings, hosts, paint),
    leftoverLines(hosts, paint),
    ...stoppedSections(summary.command === 'verify' ? hosts.filter((host) => !failedChecks(host)) : hosts, paint),
    idleLines(summary, paint),
    rebootLines(hosts, paint),
    serviceLines(hosts, paint),
    haltLines(summary, paint),
    [totals, ...stateLines(hosts, paint, options)],
    next,
  ]);
}

function warningLines(general: readonly string[], hosts: readonly HostSummary[], paint: Paint): readonly string[] {
  const about = groupByText(
    hosts.filter(({ warnings }) => warnings.length > 0),
    ({ warnings }) => warnings.map(escapeLine),
  );
  return [
    ...general.map((text) => `${paint.doubtful('warning:')} ${escapeLine(text)}`),
    ...about.flatMap(({ hosts: same, lines }) =>
      lines.map((line) => `${paint.doubtful('warning:')} ${heading(same, line, paint)}`),
    ),
  ];
}

function stoppedSections(hosts: readonly HostSummary[], paint: Paint): readonly (readonly string[])[] {
  return [...hostStates, null].flatMap((state) => {
    const stopped = hosts.filter((host) => host.state === state && (state === null || host.failure !== null));
    const groups = groupByText(stopped, (host) => reasonLines(host, paint));
    return groups.map(({ hosts: same, lines }) => [heading(same, stateText(state, paint), paint), ...indent(lines)]);
  });
}

/** Hosts on which there was nothing to undo or to restore. */
function idleLines({ command, hosts }: Summary, paint: Paint): readonly string[] {
  if (command !== 'undo' && command !== 'restore') return [];
  const idle = hosts.filter(({ state, writes, settled }) => state === 'ok' && writes + settled.length === 0);
  return idle.length === 0 ? [] : [heading(idle, nothingTo(command), paint)];
}

/** Hosts of which the reboot that is due was left to the operator, by the reason. */
function rebootLines(hosts: readonly HostSummary[], paint: Paint): readonly string[] {
  const due = hosts.filter(({ rebootDue }) => rebootDue !== null);
  return groupByText(due, ({ rebootDue }) => [escapeLine(rebootDue ?? '')]).map(({ hosts: same, lines: [why = ''] }) =>
    heading(same, `${paint.doubtful('reboot due:')} ${why}`, paint),
  );
}

/** Hosts that hooks have left out of service, and those that came, or did not come, back by their power. */
function serviceLines(hosts: readonly HostSummary[], paint: Paint): readonly string[] {
  const drained = hosts.filter((host) => host.drained);
  const cycled = hosts.filter((host) => host.powerCycled);
  const out = 'out of service, and holds its place; an `apply` that ends well there takes it back';
  return [
    ...(drained.length === 0 ? [] : [heading(drained, `${paint.doubtful('still drained:')} ${out}`, paint)]),
    ...(cycled.length === 0
      ? []
      : [heading(cycled, `${paint.doubtful('power cycled:')} no return from the reboot without it`, paint)]),
  ];
}

/** Why no host started any more. */
function haltLines({ halted }: Summary, paint: Paint): readonly string[] {
  return halted === null ? [] : [`${paint.bad('halted:')} ${escapeLine(halted)}`];
}

function totalLine(summary: Summary, paint: Paint, { verbose }: TextOptions): string {
  const { command, run, playbook, totals, duration, interrupted, halted } = summary;
  const what = [command ?? 'run', playbook === null ? '' : `of ${escapeLine(playbook)}`].filter(Boolean).join(' ');
  const made = [count(totals.writes, 'write'), count(totals.reboots, 'reboot')];
  const shown = command === 'apply' ? made : command === 'undo' || command === 'restore' ? made.slice(0, 1) : [];
  const sums = [count(totals.hosts, 'host'), ...shown];
  const how = interrupted ? 'interrupted' : halted === null ? null : 'halted';
  const end = how === null ? '' : `, ${paint.bad(how)}`;
  const name = verbose === true && run !== null ? paint.quiet(` (run ${escapeLine(run)})`) : '';
  return `${paint.strong(what)}: ${sums.join(', ')} in ${formatDuration(duration)}${end}${name}`;
}

function stateLines(hosts: readonly HostSummary[], paint: Paint, { verbose }: TextOptions): readonly string[] {
  const rows = [...hostStates, null].flatMap((state) => {
    const names = hosts.filter((host) => host.state === state).map(({ name }) => name);
    if (names.length === 0) return [];
    // Who is well may be many; who is not is always named.
    const limit = state === 'ok' && verbose !== true ? 8 : Number.POSITIVE_INFINITY;
    return [[stateText(state, paint), String(names.length), nameList(names, limit)]];
  });
  return indent(table(rows, new Set([1])));
}

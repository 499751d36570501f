import type { Command, HostPlan, PlannedChange } from '../../events/event.ts';
import { escapeLine } from '../escape.ts';
import { createPaint, type Paint } from '../paint.ts';
import { type HostSummary, hostStates, isPending } from '../summary.ts';
import { describeAround } from './around.ts';
import { count, indent, joinSections, type TextOptions } from './block.ts';
import { diffLines } from './diff.ts';
import { describeEffects } from './effects.ts';
import { groupByText, heading } from './group.ts';
import { leftoverLines } from './leftovers.ts';
import { reasonLines } from './reason.ts';
import { nothingTo, stateText } from './state.ts';
import { isOpen, outcomeNames, outcomes, verdictLines } from './verdict.ts';

/** What is shown of a host's plan; a host of a summary is one. */
export type PlannedHost = Pick<
  HostSummary,
  'name' | 'state' | 'failure' | 'plan' | 'gates' | 'checks' | 'warnings' | 'leftovers'
>;

/**
 * What would be done, for people. Hosts with equal plans are one group; then those with nothing to do in one line, then
 * those that cannot be planned with the reason, and a last line of numbers.
 */
export function renderPlans(
  hosts: readonly PlannedHost[],
  options: TextOptions & { readonly command?: Command | undefined },
): string {
  const paint = createPaint(options.colour);
  const planned = hosts.filter(isPlanned);
  const changing = planned.filter(({ plan }) => isPending(plan));
  const idle = planned.filter(({ plan }) => !isPending(plan));
  return joinSections([
    ...groupByText(changing, (host) => planLines(host, paint, options)).map(({ hosts: same, lines }) => [
      heading(same, changeText(same), paint),
      ...indent(lines),
    ]),
    ...groupByText(idle, (host) => idleLines(host, paint, options)).map(({ hosts: same, lines }) => [
      heading(same, nothingTo(options.command), paint),
      ...indent(lines),
    ]),
    ...[...hostStates, null].flatMap((state) => stoppedSections(hosts, state, paint)),
    leftoverLines(hosts, paint),
    [numbers(hosts, changing, idle)],
  ]);
}

type Planned = PlannedHost & { readonly plan: HostPlan };

function isPlanned(host: PlannedHost): host is Planned {
  return host.plan !== null && (host.state === 'ok' || host.state === null);
}

function changeText(hosts: readonly Planned[]): string {
  const changes = hosts[0]?.plan.changes.length ?? 0;
  if (changes === 0) return 'no change, but an earlier run is to be finished';
  return `${hosts.length === 1 ? '' : 'same '}${count(changes, 'change')}`;
}

function planLines(host: Planned, paint: Paint, options: TextOptions): readonly string[] {
  const { changes, pending, effects, around } = host.plan;
  return [
    ...remarkLines(host, paint, options),
    ...changes.flatMap((change) => changeLines(change, paint)),
    ...(pending.length === 0 ? [] : [`${paint.doubtful('left from an earlier run:')} ${describeEffects(pending)}`]),
    ...(effects.length === 0 ? [] : [`${paint.strong('then:')} ${describeEffects(effects)}`]),
    ...(around === undefined ? [] : [`${paint.strong('around the reboot:')} ${describeAround(around)}`]),
  ];
}

function changeLines(change: PlannedChange, paint: Paint): readonly string[] {
  const mark = change.tentative ? paint.doubtful(' (tentative: planned again after the reboot)') : '';
  return [
    `${paint.strong(escapeLine(change.resource))}: ${escapeLine(change.summary)}${mark}`,
    ...indent(
      change.diffs.flatMap((diff) => diffLines(diff, paint)),
      4,
    ),
    ...indent(change.notes.map((note) => `${paint.doubtful('note:')} ${escapeLine(note)}`)),
  ];
}

function remarkLines(host: PlannedHost, paint: Paint, options: TextOptions): readonly string[] {
  const { gates } = host;
  const idle = idleLines(host, paint, options);
  if (gates.length === 0 || options.verbose === true || gates.some(isOpen)) return idle;
  const numbersOf = outcomes
    .map((outcome) => ({ outcome, number: gates.filter((gate) => gate.outcome === outcome).length }))
    .filter(({ number }) => number > 0)
    .map(({ outcome, number }) => `${number} ${outcomeNames[outcome]}`);
  return [paint.quiet(`gates: ${numbersOf.join(', ')}`), ...idle];
}

function idleLines({ gates, warnings }: PlannedHost, paint: Paint, { verbose }: TextOptions): readonly string[] {
  return [
    ...gates.filter((gate) => verbose === true || isOpen(gate)).flatMap((gate) => verdictLines(gate, paint)),
    ...warnings.map((text) => `${paint.doubtful('warning:')} ${escapeLine(text)}`),
  ];
}

function stoppedSections(
  hosts: readonly PlannedHost[],
  state: PlannedHost['state'],
  paint: Paint,
): readonly (readonly string[])[] {
  const stopped = hosts.filter((host) => host.state === state && !isPlanned(host));
  return groupByText(stopped, (host) => stoppedLines(host, paint)).map(({ hosts: same, lines }) => [
    heading(same, state === 'ok' ? 'no plan' : stateText(state, paint), paint),
    ...indent(lines),
  ]);
}

// What was planned until then is worth seeing, though nothing of it would be done.
function stoppedLines(host: PlannedHost, paint: Paint): readonly string[] {
  const changes = host.plan?.changes ?? [];
  if (changes.length === 0) return reasonLines(host, paint);
  const planned = changes.flatMap((change) => changeLines(change, paint));
  return [...reasonLines(host, paint), paint.quiet('planned until then:'), ...indent(planned)];
}

function numbers(hosts: readonly PlannedHost[], changing: readonly Planned[], idle: readonly Planned[]): string {
  const rebooting = changing.filter(({ plan }) => plan.effects.some(({ kind }) => kind === 'reboot')).length;
  const unplanned = hosts.filter((host) => !isPlanned(host));
  const states = [...hostStates, null]
    .map((state) => ({ state, number: unplanned.filter((host) => host.state === state).length }))
    .filter(({ number }) => number > 0);
  return [
    `${count(changing.length, 'host')} to change${rebooting > 0 ? ` (${rebooting} with a reboot)` : ''}`,
    `${idle.length} with nothing to do`,
    ...states.map(({ state, number }) => `${number} ${state === 'ok' ? 'with no plan' : (state ?? 'not ended')}`),
  ].join(', ');
}

import type { ArgumentTruth, BootView } from '../../boot/truth-stage.ts';
import type { BootEntry, ConfiguredPlace } from '../../facts/facts.ts';
import { escapeLine } from '../escape.ts';
import { createPaint, type Paint } from '../paint.ts';
import type { HostSummary } from '../summary.ts';
import { padRight } from '../width.ts';
import { count, indent, joinSections, labelled, type TextOptions, table } from './block.ts';
import { groupByText, heading } from './group.ts';
import { reasonLines } from './reason.ts';
import { stateText } from './state.ts';

/** What is known of a host's kernel arguments. */
export interface BootExplanation {
  readonly facts: BootView;
  /** Where the boot entries are; `null`: unknown. */
  readonly entriesFrom: string | null;
  /** Configured places that the tool of this boot loader does not read. */
  readonly unread: readonly ConfiguredPlace[];
  /** Boot entries that take no part: rescue, recovery, and those of other systems. */
  readonly leftOut: readonly BootEntry[];
  /** Who wants what is wanted, for people. */
  readonly wantedBy: string;
  readonly truths: readonly ArgumentTruth[];
  /** What vfleet itself has written down: what is due, what was in vain. */
  readonly notes: readonly string[];
}

/** One host with it; `null`: the host could not be asked. */
export interface ExplainedHost extends Pick<HostSummary, 'name' | 'state' | 'failure' | 'gates' | 'checks'> {
  readonly explanation: BootExplanation | null;
}

/** Where kernel arguments come from and where they end, for people: host by host, equal ones together. */
export function renderBootTruth(hosts: readonly ExplainedHost[], { colour }: TextOptions): string {
  const paint = createPaint(colour);
  const asked = hosts.filter(({ explanation }) => explanation !== null);
  const others = hosts.filter(({ explanation }) => explanation === null);
  const lines = ({ explanation }: ExplainedHost) => (explanation === null ? [] : explanationLines(explanation, paint));
  return joinSections([
    ...groupByText(asked, lines).flatMap(({ hosts: same, lines: body }) => [
      [heading(same, standing(same[0]?.explanation?.truths ?? [], paint), paint), ...indent(body)],
    ]),
    ...groupByText(others, (host) => reasonLines(host, paint)).map(({ hosts: same, lines: body }) => [
      heading(same, stateText(same[0]?.state ?? null, paint), paint),
      ...indent(body),
    ]),
  ]);
}

function standing(truths: readonly ArgumentTruth[], paint: Paint): string {
  const gaps = truths.flatMap((truth) => truth.gaps).length;
  const wanted = truths.some((truth) => truth.wanted !== null && truth.gaps.length > 0);
  if (gaps === 0 && truths.some(({ entries }) => entries === null)) return paint.doubtful('no gap, as far as is known');
  if (gaps === 0) return paint.good('configured, written and running agree');
  return (wanted ? paint.bad : paint.doubtful)(count(gaps, 'gap'));
}

function explanationLines(explanation: BootExplanation, paint: Paint): readonly string[] {
  const { facts, entriesFrom, unread, leftOut, truths, wantedBy, notes } = explanation;
  const { boot } = facts;
  const row = (label: string, lines: readonly string[]): readonly string[] =>
    labelled(paint.strong(padRight(label, 13)), lines.length === 0 ? ['none'] : lines.map(escapeLine));
  const configured = boot.configured?.map((place) => {
    const { path, variable, value, append } = place;
    const aside = unread.includes(place) ? ' (not read by this boot loader)' : '';
    return `${path}: ${variable === 'cmdline' ? '' : `${variable}${append ? '+=' : '='}`}${value}${aside}`;
  });
  const entries = boot.entries?.map((entry) => {
    const left = leftOut.includes(entry) ? ' (not counted: rescue, recovery, or of another system)' : '';
    return `${entry.default ? '* ' : '  '}"${entry.title}"${left}: ${entry.arguments || '-'}`;
  });
  return [
    ...row('boot loader', [`${boot.loader} (${boot.loaderEvidence})`]),
    ...row('entries from', [entriesFrom ?? 'unknown']),
    ...row('kernel', kernelLines(facts)),
    ...row('configured', configured ?? ['unknown: may not be read']),
    ...row('boot entries', entries ?? ['unknown: could not be read']),
    ...row('running', [boot.running]),
    ...row('wanted', [wantedBy]),
    ...notes.map((note) => `${paint.doubtful('note:')} ${escapeLine(note)}`),
    '',
    ...truthTable(truths, paint),
    ...gapLines(truths, paint),
  ];
}

function kernelLines({ kernel, boot }: BootView): readonly string[] {
  const { running, next } = kernel;
  if (next === null) return [`${running} runs; which one will boot is not known`];
  if (next === running) return [`${running} runs, and will boot`];
  const title = boot.entries?.find((entry) => entry.default)?.title;
  return [`${running} runs; ${next} will boot${title === undefined ? '' : ` ("${title}")`}`];
}

function truthTable(truths: readonly ArgumentTruth[], paint: Paint): readonly string[] {
  if (truths.length === 0) return ['no kernel arguments beside those of the boot loader'];
  const head = ['argument', 'wanted', 'configured', 'boot entries', 'running'].map(paint.strong);
  const body = truths.map((truth) => [
    (truth.gaps.length === 0 ? paint.good : paint.bad)(escapeLine(truth.name)),
    escapeLine(wantedText(truth)),
    escapeLine(placesText(truth)),
    escapeLine(entriesText(truth)),
    escapeLine(truth.running.join(' ') || '-'),
  ]);
  return table([head, ...body], new Set());
}

function wantedText({ wanted }: ArgumentTruth): string {
  if (wanted === null) return '-';
  return wanted === 'absent' ? 'absent' : wanted.join(' ');
}

function placesText({ configured }: ArgumentTruth): string {
  if (configured === null) return 'unknown';
  return [...new Set(configured.map(({ place }) => place.replace(/: .*$/, '')))].join(', ') || '-';
}

const most = 2;

function entriesText({ entries, wanted }: ArgumentTruth): string {
  if (entries === null) return 'unknown';
  const having = entries.filter((entry) => (wanted === 'absent' ? !entry.has : entry.has && entry.tokens.length > 0));
  if (entries.length === 0 || having.length === 0) return '-';
  if (having.length === entries.length) return `all ${entries.length}`;
  const lacking = entries.filter((entry) => !having.includes(entry)).map(({ title }) => `"${title}"`);
  const more = lacking.length > most ? ` and ${lacking.length - most} more` : '';
  return `${having.length} of ${entries.length}, not ${lacking.slice(0, most).join(', ')}${more}`;
}

/** Each cause once, with the arguments that it is about. */
function gapLines(truths: readonly ArgumentTruth[], paint: Paint): readonly string[] {
  const about = new Map<string, { readonly names: string[]; readonly lines: readonly string[] }>();
  for (const { name, gaps } of truths) {
    for (const { found, next } of gaps) {
      const lines = [escapeLine(found), `${paint.strong('next:')} ${escapeLine(next)}`];
      const known = about.get(lines.join('\n'));
      if (known === undefined) about.set(lines.join('\n'), { names: [name], lines });
      else known.names.push(name);
    }
  }
  return [...about.values()].flatMap(({ names, lines }) => [
    '',
    `${paint.bad(escapeLine(names.join(', ')))}: ${lines[0] ?? ''}`,
    ...indent(lines.slice(1)),
  ]);
}

import type { Outcome, Verdict } from '../../checks/check.ts';
import { escapeLines } from '../escape.ts';
import type { Paint } from '../paint.ts';
import { padRight } from '../width.ts';
import { indent, labelled } from './block.ts';

/** All outcomes in the order of reports. */
export const outcomes: readonly Outcome[] = ['pass', 'fail', 'unknown', 'not-applicable'];

/** Outcomes as they are read. */
export const outcomeNames: Readonly<Record<Outcome, string>> = {
  pass: 'pass',
  fail: 'fail',
  unknown: 'unknown',
  'not-applicable': 'not applicable',
};

/** Whether a verdict needs attention: an unknown proves nothing. */
export function isOpen({ outcome }: Verdict): boolean {
  return outcome === 'fail' || outcome === 'unknown';
}

/** A text in the colour of an outcome: by default its name. */
export function outcomeText(outcome: Outcome, paint: Paint, text: string = outcomeNames[outcome]): string {
  const colours = { pass: paint.good, fail: paint.bad, unknown: paint.doubtful, 'not-applicable': paint.quiet };
  return colours[outcome](text);
}

/** One verdict: its question, what is so, the evidence, and the remedy where there is one. Escaped. */
export function verdictLines(verdict: Verdict, paint: Paint): readonly string[] {
  const evidence = verdict.evidence.flatMap((line) => escapeLines(line)).map((line) => paint.quiet(`| ${line}`));
  const remedy = verdict.remedy === undefined ? [] : labelled(paint.strong('remedy:'), escapeLines(verdict.remedy));
  const body = [...escapeLines(verdict.found), ...evidence, ...remedy];
  return [
    ...labelled(padRight(outcomeText(verdict.outcome, paint), 8), escapeLines(verdict.title)),
    ...indent(body, 9),
  ];
}

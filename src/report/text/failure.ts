import type { Failure } from '../../events/event.ts';
import { escapeLine, escapeLines } from '../escape.ts';
import type { Paint } from '../paint.ts';
import { indent, labelled } from './block.ts';

/** A failure without its host: what, expected, found, what to do next. Escaped. */
export function failureLines(failure: Failure, paint: Paint): readonly string[] {
  const { thing, expected, found, next } = failure;
  const parts = [
    ...(expected === undefined ? [] : labelled('expected:', escapeLines(expected))),
    ...(found === undefined ? [] : labelled('found:   ', escapeLines(found))),
    ...(next === undefined ? [] : labelled(paint.strong('next:    '), escapeLines(next))),
  ];
  return [...escapeLines(thing), ...indent(parts)];
}

/** A failure in one line, its host and the lines after the first left out. Escaped. */
export function failureLine({ host, message }: Failure): string {
  const [first = ''] = message.split('\n', 1);
  return escapeLine(host !== undefined && first.startsWith(`${host}: `) ? first.slice(host.length + 2) : first);
}

/** What a host key stands for: its names, or why it is no range. */
export type Expansion =
  | { readonly ok: true; readonly names: readonly string[] }
  | { readonly ok: false; readonly expected: string; readonly found: string };

/** The most names that one pattern may stand for: a range beyond it is a typing error, not a fleet. */
export const MAX_NAMES = 100_000;

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Whether a pattern has a range: any `[`, as in Ansible. */
export function hasRange(pattern: string): boolean {
  return pattern.includes('[');
}

/**
 * The names of `node[01:40]`, `db-[a:f]`, `r[1:4]n[0:10:2]`: both ends included, several ranges as all their
 * combinations, the last one running fastest. A leading zero in the first end sets the width, and the second end must then
 * have the same; a missing first end is 0. (Source: ansible-core 2.14, `plugins/inventory/__init__.py`,
 * `expand_hostname_range`. It lets a range that counts down be empty; here it is an error.)
 */
export function expandRange(pattern: string): Expansion {
  const parts: (readonly string[])[] = [];
  let rest = pattern;
  let count = 1;
  for (;;) {
    const open = rest.indexOf('[');
    const close = rest.indexOf(']');
    if (open === -1 && close === -1) break;
    if (open === -1 || close < open) return bad('each "[" of a range closed by "]"', pattern);
    const values = rangeValues(rest.slice(open + 1, close));
    if (!Array.isArray(values)) return values;
    count *= values.length;
    if (count > MAX_NAMES) return bad(`at most ${MAX_NAMES} hosts`, `${count} or more`);
    parts.push([rest.slice(0, open)], values);
    rest = rest.slice(close + 1);
  }
  let names = [''];
  for (const part of [...parts, [rest]]) {
    names = names.flatMap((name) => part.map((piece) => name + piece));
  }
  return { ok: true, names };
}

function rangeValues(text: string): string[] | Extract<Expansion, { ok: false }> {
  const bounds = text.split(':');
  const [first = '', last = '', stepText = '1'] = bounds;
  if (bounds.length < 2 || bounds.length > 3) return bad('a range first:last or first:last:step', `[${text}]`);
  if (last === '') return bad('a range with a last value', `[${text}]`);
  if (!/^[0-9]{1,9}$/.test(stepText) || Number(stepText) === 0) return bad('a step of 1 or more', `[${text}]`);
  const step = Number(stepText);
  if (/^[A-Za-z]$/.test(first) && /^[A-Za-z]$/.test(last)) {
    const [from, to] = [LETTERS.indexOf(first), LETTERS.indexOf(last)];
    if (from > to) return countsDown(text, last, first);
    return numbers(from, to, step).map((index) => LETTERS.charAt(index));
  }
  const from = first === '' ? '0' : first;
  if (!/^[0-9]{1,15}$/.test(from) || !/^[0-9]{1,15}$/.test(last)) {
    return bad('two numbers or two letters in a range', `[${text}]`);
  }
  const padded = from.length > 1 && from.startsWith('0');
  if (padded && from.length !== last.length) return bad('both ends of the range equally long', `[${text}]`);
  if (Number(from) > Number(last)) return countsDown(text, last, from);
  if ((Number(last) - Number(from)) / step >= MAX_NAMES) {
    return bad(`at most ${MAX_NAMES} hosts`, `${Math.floor((Number(last) - Number(from)) / step) + 1} in [${text}]`);
  }
  return numbers(Number(from), Number(last), step).map((value) =>
    String(value).padStart(padded ? from.length : 0, '0'),
  );
}

function countsDown(text: string, low: string, high: string): Extract<Expansion, { ok: false }> {
  return bad(`a range that counts up, as [${low}:${high}]`, `[${text}]`);
}

function numbers(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
}

function bad(expected: string, found: string): Extract<Expansion, { ok: false }> {
  return { ok: false, expected, found };
}

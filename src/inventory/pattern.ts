import { isIPv6 } from 'node:net';
import { VfleetError } from '../errors.ts';

/** One term of a limit, with what it does to the selection. */
export interface Term {
  readonly mode: 'add' | 'keep' | 'drop';
  readonly what: Subject;
  /** The term as it is written, for messages. */
  readonly text: string;
}

/** What a term names. */
export type Subject =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'regex'; readonly source: string }
  | { readonly kind: 'rack'; readonly pattern: string }
  | { readonly kind: 'name'; readonly pattern: string };

/**
 * Splits a limit (`-l`) into its terms.
 *
 *     limit     = term *( separator term )      separator = "," or ":"; empty terms are left out
 *     term      = [ "!" or "&" ] subject        "!" takes hosts away, "&" keeps only hosts that are in it
 *     subject   = "@" FILE                      a file of limits, one a line; "#" begins a comment
 *               / "~" REGEX                     a regular expression, from the start of a name
 *               / "rack:" NAMES                 the hosts of racks
 *               / NAMES                         hosts or groups
 *     NAMES     = a name; may have globs (*, ?, [abc], [!abc]) and ranges ([01:40], [01-40], [a:f])
 *
 * A separator counts only outside of [ ], and in a REGEX also outside of ( ) and { } and without a backslash before it. The
 * colon of "rack:" at the start of a subject is none, so `rack:r12` is always the rack r12: a group named rack beside a group
 * named r12 is `rack,r12`. An IPv6 address is one term where commas, blanks or the ends of the limit enclose it.
 *
 * @throws VfleetError `limit.syntax` for a bracket or a subject that is missing.
 */
export function parseLimit(limit: string): readonly Term[] {
  const terms: Term[] = [];
  let rest = limit;
  for (;;) {
    rest = rest.replace(/^[\s,]+/, '');
    if (addressAtStart(rest) === null) rest = rest.replace(/^[\s,:]+/, '');
    if (rest === '') return terms;
    const text = nextTerm(rest, limit);
    terms.push(readTerm(text.trim(), limit));
    rest = rest.slice(text.length);
  }
}

function addressAtStart(rest: string): string | null {
  const match = /^[!&]?([^,\s]+)/.exec(rest);
  return match?.[1] !== undefined && isIPv6(match[1]) ? match[0] : null;
}

function nextTerm(rest: string, limit: string): string {
  const address = addressAtStart(rest);
  if (address !== null) return address;
  const start = /^[!&]?\s*(?:rack:\s*|~)?/.exec(rest)?.[0] ?? '';
  const regex = start.endsWith('~');
  let depth = 0;
  for (let index = start.length; index < rest.length; index += 1) {
    const char = rest.charAt(index);
    if (regex && char === '\\') index += 1;
    else if ((regex ? '([{' : '[').includes(char)) depth += 1;
    else if ((regex ? ')]}' : ']').includes(char)) depth -= 1;
    else if (depth === 0 && (char === ',' || char === ':')) return rest.slice(0, index);
  }
  if (depth > 0) throw syntax(limit, 'each bracket closed', rest);
  return rest;
}

function readTerm(text: string, limit: string): Term {
  const mode = text.startsWith('!') ? 'drop' : text.startsWith('&') ? 'keep' : 'add';
  const subject = (mode === 'add' ? text : text.slice(1)).trim();
  const what = readSubject(subject);
  const empty = what.kind === 'file' ? what.path : what.kind === 'regex' ? what.source : what.pattern;
  if (empty === '') throw syntax(limit, 'a name', JSON.stringify(text));
  return { mode, what, text };
}

function readSubject(subject: string): Subject {
  if (subject.startsWith('@')) return { kind: 'file', path: subject.slice(1) };
  if (subject.startsWith('~')) return { kind: 'regex', source: subject.slice(1) };
  if (subject.startsWith('rack:')) return { kind: 'rack', pattern: subject.slice('rack:'.length).trim() };
  return { kind: 'name', pattern: subject };
}

function syntax(limit: string, expected: string, found: string): VfleetError {
  return new VfleetError({
    code: 'limit.syntax',
    thing: `-l ${JSON.stringify(limit)}`,
    expected,
    found,
    next: 'quote the limit for your shell, so that it arrives whole',
  });
}

/** Whether a pattern has globs left after its ranges are expanded. */
export function hasGlob(pattern: string): boolean {
  return /[*?[]/.test(pattern);
}

/** The test that a glob stands for: `*` any text, `?` one character, `[abc]` and `[!abc]` one of, or none of them. */
export function globTest(glob: string): (name: string) => boolean {
  let source = '';
  for (let index = 0; index < glob.length; index += 1) {
    const char = glob.charAt(index);
    const close = char === '[' ? glob.indexOf(']', index + (glob.charAt(index + 1) === '!' ? 3 : 2)) : -1;
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (close !== -1) {
      const inner = glob.slice(index + 1, close).replaceAll(/[\\\]^[]/g, '\\$&');
      source += inner.startsWith('!') ? `[^${inner.slice(1)}]` : `[${inner}]`;
      index = close;
    } else source += char.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  try {
    const regex = new RegExp(`^(?:${source})$`, 'us');
    return (name) => regex.test(name);
  } catch {
    // A class such as [z-a] names nothing.
    return () => false;
  }
}

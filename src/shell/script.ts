import { VfleetError } from '../errors.ts';
import { checkText, quote } from './quote.ts';
import { mask, type Secret, valueOfSecret } from './secret.ts';
import { createScanner, type Place } from './syntax.ts';

/**
 * A piece of POSIX `sh`, made only by the `sh` template, so that every value in it is quoted.
 * `secrets` are masked wherever the text is shown.
 */
export interface Script {
  readonly text: string;
  readonly secrets: readonly string[];
}

/** One word of a script. */
export type Word = string | number | Secret;

/** What may stand in a `sh` template: a word, several words, or another script, which is spliced in as it is. */
export type Insertion = Word | readonly Word[] | Script;

/** Scripts that this file has made: data that happens to have a `text` must never run. */
const made = new WeakSet<object>();

/**
 * A script from a template. Strings and numbers become one quoted word each, an array several words (none when it is
 * empty), a script is spliced in. Values stand outside quotes: `--name=${name}`, not `"${name}"`. Backslashes are those of
 * an ordinary template string: write `\\` for one.
 *
 * Errors: `shell.unquotable`; `shell.template` for an insertion within quotes, a comment or a here-document, for a value
 * of another type, and for a backslash that the template string would drop.
 *
 * @example
 * sh`install -m 0644 ${source} ${target} && restorecon ${[...folders]}`
 */
export function sh(strings: TemplateStringsArray, ...insertions: readonly Insertion[]): Script {
  const scanner = createScanner();
  const secrets: string[] = [];
  let text = '';
  strings.forEach((literal: string | undefined, i) => {
    if (literal === undefined || dropsBackslash(strings.raw[i] ?? '')) throw badBackslash(strings.raw[i] ?? '');
    text += literal;
    if (i === insertions.length) return;
    scanner.read(literal);
    const insertion = insertions[i];
    if (isMade(insertion)) secrets.push(...insertion.secrets);
    else if (scanner.place() !== 'command') throw badPlace(scanner.place(), text);
    text += print(insertion, secrets);
    // Stands for what was inserted: a word, so that a `#` right after it begins no comment.
    scanner.read('x');
  });
  return make(text, secrets);
}

/** Shell text that was written as such by a person, as it is. Never for text that came from a host or from data. */
export function raw(text: string): Script {
  checkText(text);
  return make(text, []);
}

/** Several scripts as one, each on lines of its own. */
export function joinScripts(scripts: readonly Script[], separator = '\n'): Script {
  return make(
    scripts.map((script) => script.text).join(separator),
    scripts.flatMap((script) => script.secrets),
  );
}

/** The text of a script as it may be shown. */
export function masked(script: Script): string {
  return mask(script.text, script.secrets);
}

function make(text: string, secrets: readonly string[]): Script {
  const script: Script = Object.freeze({ text, secrets: Object.freeze([...new Set(secrets)]) });
  made.add(script);
  return script;
}

function isMade(insertion: unknown): insertion is Script {
  return typeof insertion === 'object' && insertion !== null && made.has(insertion);
}

function print(insertion: unknown, secrets: string[]): string {
  if (isMade(insertion)) return insertion.text;
  if (Array.isArray(insertion)) return insertion.map((word: unknown) => printWord(word, secrets)).join(' ');
  return printWord(insertion, secrets);
}

function printWord(word: unknown, secrets: string[]): string {
  if (typeof word === 'string') return quote(word);
  if (typeof word === 'number' && Number.isFinite(word)) return quote(String(word));
  const value = typeof word === 'object' && word !== null ? valueOfSecret(word) : undefined;
  if (value === undefined) throw badValue(word);
  secrets.push(value);
  return quote(value);
}

/** Backslash and a character for which a template string has no meaning: it would silently vanish. */
function dropsBackslash(literal: string): boolean {
  return /\\[^\\`$nrtux\n{]/.test(literal.replaceAll('\\\\', ''));
}

function badValue(value: unknown): VfleetError {
  const shown = typeof value === 'number' ? String(value) : value === null ? 'null' : typeof value;
  return new VfleetError({
    code: 'shell.template',
    thing: 'a value in a sh template',
    expected: 'a string, a finite number, a secret, an array of these, or a script made by sh',
    found: shown,
    next: 'convert the value before it is inserted',
  });
}

function badPlace(place: Place, before: string): VfleetError {
  return new VfleetError({
    code: 'shell.template',
    thing: `a value in a sh template, after ${JSON.stringify(before.slice(-40))}`,
    expected: 'a place outside quotes: the template quotes the value itself',
    found: `${place}, where the value could run as a command`,
    next: 'close the quotes before the value, or assign it to a shell variable first',
  });
}

function badBackslash(literal: string): VfleetError {
  return new VfleetError({
    code: 'shell.template',
    thing: `a backslash in a sh template: ${JSON.stringify(literal.slice(0, 80))}`,
    expected: 'two backslashes for one in the script',
    found: 'one, which a template string drops',
    next: 'double it',
  });
}

import { readWord, type Unclosed, type Unit } from './shell-word.ts';

/**
 * `/etc/default/grub` or a file of `/etc/default/grub.d`: shell text that `grub-mkconfig` sources with `set -e`. Read
 * statement by statement and never run; printed again it is the same, byte for byte, whatever stands in it.
 */
export type Statement = { readonly line: number } /** A blank line or a comment. */ & (
  | { readonly kind: 'space'; readonly raw: string }
  | { readonly kind: 'assignments'; readonly pieces: readonly (string | Assignment)[] }
  /** Any other command, and everything inside `if`, loops and functions. */
  | { readonly kind: 'code'; readonly raw: string /** The command. */; readonly word: string | null }
  /** What has no end: the rest of the file from there. */
  | { readonly kind: 'unclosed'; readonly raw: string; readonly problem: string }
);

/** `NAME=value` or `NAME+=value`, unconditional. */
export interface Assignment {
  readonly name: string;
  readonly append: boolean;
  readonly value: readonly Unit[];
  readonly line: number;
}

/** Reads the text of such a file. Never throws: see `problemsOf`. */
export function parseGrubDefault(text: string): readonly Statement[] {
  const statements: Statement[] = [];
  let at = 0;
  let line = 1;
  let depth = 0;
  while (at < text.length) {
    const { statement, end, nesting } = readStatement(text, at, line, depth);
    statements.push(statement);
    for (let i = at; i < end; i++) if (text[i] === '\n') line += 1;
    depth = Math.max(0, depth + nesting);
    at = end;
  }
  return statements;
}

/** The text of statements. */
export function printGrubDefault(statements: readonly Statement[]): string {
  return statements.map(printStatement).join('');
}

function printStatement(statement: Statement): string {
  if (statement.kind !== 'assignments') return statement.raw;
  return statement.pieces.map((piece) => (typeof piece === 'string' ? piece : printAssignment(piece))).join('');
}

function printAssignment({ name, append, value }: Assignment): string {
  return `${name}${append ? '+=' : '='}${value.map((unit) => unit.raw).join('')}`;
}

interface Step {
  readonly statement: Statement;
  readonly end: number;
  /** By how much it opens (or closes) compound commands. */
  readonly nesting: number;
}

function readStatement(text: string, start: number, line: number, depth: number): Step {
  const space = /[ \t]*(?:#[^\n]*)?(?:\n|$)/y;
  space.lastIndex = start;
  const raw = space.exec(text)?.[0];
  if (raw) return { statement: { kind: 'space', raw, line }, end: start + raw.length, nesting: 0 };
  const assignments = depth === 0 ? readAssignments(text, start, line) : null;
  return assignments ?? readCode(text, start, line, depth);
}

/** A command line of assignments only, `export` before them or not; `null` when it is something else. */
function readAssignments(text: string, start: number, line: number): Step | null {
  const pieces: (string | Assignment)[] = [];
  let at = start;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  let between = take(/[ \t]*(?:(?:export|readonly)[ \t]+)?/y);
  for (;;) {
    const begun = at;
    const head = take(/[A-Za-z_]\w*\+?=/y);
    if (head === '') break;
    const word = readWord(text, at);
    if ('problem' in word) return unclosed(text, start, line, word);
    at = word.end;
    const append = head.endsWith('+=');
    const name = head.slice(0, append ? -2 : -1);
    pieces.push(between, { name, append, value: word.units, line: line + countLines(text.slice(start, begun)) });
    between = take(/[ \t]*/y);
  }
  // The end of the command: of the line, or `;` with whatever else stands on the line.
  const end = take(/(?:;[ \t]*)?(?:(?<=[ \t;])#[^\n]*)?(?:\n|$)|;[ \t]*(?=[^\s;])/y);
  if (pieces.length === 0 || (end === '' && at < text.length)) return null;
  return { statement: { kind: 'assignments', pieces: [...pieces, between + end], line }, end: at, nesting: 0 };
}

/** The rest of the text, from `start`, with the line of what has no end. */
function unclosed(text: string, start: number, line: number, { problem, at }: Unclosed): Step {
  const opened = line + countLines(text.slice(start, at));
  return {
    statement: { kind: 'unclosed', raw: text.slice(start), problem, line: opened },
    end: text.length,
    nesting: 0,
  };
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}

const opening: ReadonlySet<string> = new Set(['if', 'do', 'case', '{']);
const closing: ReadonlySet<string> = new Set(['fi', 'done', 'esac', '}']);
/** Reserved words after which another command begins (POSIX.1-2017, XCU 2.4). */
const leading: ReadonlySet<string> = new Set(['if', 'then', 'else', 'elif', 'do', 'while', 'until', '!', '{']);

/** One logical line of any other code. */
function readCode(text: string, start: number, line: number, depth: number): Step {
  let at = start;
  let first: string | null = null;
  let commandBegins = true;
  let nesting = 0;
  // Where an operator opened that goes on on the next line (XCU 2.10.2, `linebreak`).
  let operator: number | null = null;
  while (at < text.length && (text[at] !== '\n' || operator !== null)) {
    const character = text[at] ?? '';
    if (character === '#' && /[\s;]/.test(text[at - 1] ?? '\n')) {
      const end = text.indexOf('\n', at);
      at = end === -1 ? text.length : end;
    } else if (/[ \t\n;&|<>()]/.test(character)) {
      if (/[;&|()]/.test(character)) commandBegins = true;
      const joining = /^(?:&&|\|\|?)/.exec(text.slice(at, at + 2))?.[0];
      if (joining !== undefined) operator = at;
      else if (/[;&()<>]/.test(character)) operator = null;
      at += joining?.length ?? 1;
    } else {
      const word = readWord(text, at);
      if ('problem' in word) return unclosed(text, start, line, word);
      const raw = text.slice(at, word.end);
      operator = null;
      // Assignments before a command are only its environment.
      if (!(commandBegins && /^[A-Za-z_]\w*\+?=/.test(raw))) first ??= raw;
      if (commandBegins && opening.has(raw)) nesting += 1;
      if (commandBegins && closing.has(raw)) nesting -= 1;
      commandBegins = commandBegins && (leading.has(raw) || first === null);
      at = word.end;
    }
  }
  if (operator !== null) {
    return unclosed(text, start, line, { problem: 'an operator with nothing after it', at: operator });
  }
  const end = at < text.length ? at + 1 : at;
  // Inside a compound command a word may be anything, the pattern of a `case` for one.
  const word = depth === 0 ? first : null;
  return { statement: { kind: 'code', raw: text.slice(start, end), word, line }, end, nesting };
}

import { VfleetError } from '../errors.ts';
import { lineOf, outvotedNotes, refuseContradiction } from './contradiction.ts';
import { editLine } from './edit-line.ts';
import { type Assignment, parseGrubDefault, printGrubDefault, type Statement } from './grub-default.ts';
import { grubLine } from './grub-line.ts';
import { effectiveAssignments, evaluate, type SourceToken, withValue } from './grub-sources.ts';
import type { Unit } from './shell-word.ts';
import type { SourceText } from './source-text.ts';
import type { ArgumentWish } from './wish.ts';
import { openingAtEnd } from './word-rules.ts';

const variable = 'GRUB_CMDLINE_LINUX';
const defaults = 'GRUB_CMDLINE_LINUX_DEFAULT';

/** How a file of `/etc/default/grub` is edited. */
export interface GrubDefaultOptions {
  readonly host?: string | undefined;
  /** Tokens that are the runner's to replace. */
  readonly owned: readonly string[];
  /** What is not wished is removed from `GRUB_CMDLINE_LINUX_DEFAULT` too. */
  readonly defaults: boolean;
  /** The file is sourced after another one, so that a line that it lacks must extend what is set there. */
  readonly dropIn: boolean;
}

/** What became of a file, and what is to be said about it. */
export interface GrubDefaultEdit {
  readonly text: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly notes: readonly string[];
  /** All arguments of a boot entry as the file configures them; `null` where code configures some of them. */
  readonly line: readonly string[] | null;
}

/**
 * Edits the values of `GRUB_CMDLINE_LINUX` in the text of `/etc/default/grub`, token by token; all else stays, byte for byte.
 * Errors: `boot.source` for what cannot be edited safely, `boot.contradiction`.
 */
export function editGrubDefault(source: SourceText, wish: ArgumentWish, options: GrubDefaultOptions): GrubDefaultEdit {
  const { host, owned } = options;
  refuseUncertain(source, variable, host);
  const removal = editDefaults(source, wish, options);
  const after = lineOf(evaluate([removal.source], defaults).tokens);
  const assignments = effectiveAssignments(removal.source.statements, variable);
  const edit = editLine(grubLine, valuesOf(assignments), wish, owned, after);
  refuseOpaque(source.path, assignments, edit.values, host);
  const text = printGrubDefault(withValues(removal.source.statements, assignments, edit.values));
  const line = edit.values[assignments.length];
  const printed = line === undefined ? text : withLine(text, line, options.dropIn);
  const whole = wholeLine(source.path, printed);
  refuseContradiction(wish, whole, host);
  return {
    text: printed,
    added: edit.added,
    removed: [...removal.removed, ...edit.removed],
    notes: [...deadNotes(source), ...outvotedNotes(wish, edit.added, tokensOf(source.path, printed, variable))],
    line: whole.some((token) => token.opaque) ? null : lineOf(whole),
  };
}

/** The source without what is not wished among the default arguments. */
function editDefaults(
  source: SourceText,
  wish: ArgumentWish,
  options: GrubDefaultOptions,
): { readonly source: SourceText; readonly removed: readonly string[] } {
  const absent = options.defaults ? wish.absent : [];
  const stale = staleInDefaults(source, wish, options);
  if (absent.length + stale.length === 0) return { source, removed: [] };
  refuseUncertain(source, defaults, options.host);
  const assignments = effectiveAssignments(source.statements, defaults);
  const { values, removed } = editLine(grubLine, valuesOf(assignments), { present: [], absent }, stale, []);
  refuseOpaque(source.path, assignments, values, options.host);
  return { source: { ...source, statements: withValues(source.statements, assignments, values) }, removed };
}

/** Own tokens that are not wished any more: the runner adds none there, but may have taken over what stood there. */
function staleInDefaults(
  source: SourceText,
  { present }: ArgumentWish,
  { owned }: GrubDefaultOptions,
): readonly string[] {
  const stale = owned.filter((token) => !present.includes(token));
  if (stale.length === 0) return [];
  const [line, others] = [variable, defaults].map((name) => lineOf(evaluate([source], name).tokens));
  return stale.filter((token) => others?.includes(token) && !line?.includes(token));
}

function valuesOf(assignments: readonly Assignment[]): readonly (readonly Unit[])[] {
  return assignments.map((assignment) => assignment.value);
}

function withValues(
  statements: readonly Statement[],
  assignments: readonly Assignment[],
  values: readonly (readonly Unit[])[],
): readonly Statement[] {
  return assignments.reduce((all, assignment, index) => withValue(all, assignment, values[index] ?? []), statements);
}

/** The text with the line that was missing. */
function withLine(text: string, value: readonly Unit[], dropIn: boolean): string {
  const raw = value.map((unit) => unit.raw).join('');
  const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return `${before}${variable}=${dropIn ? raw.replace('"', `"$${variable} `) : raw}\n`;
}

/** The arguments of a boot entry as a text configures them: the default ones come last (`linux_entry` in `10_linux`). */
function wholeLine(path: string, text: string): readonly SourceToken[] {
  return [variable, defaults].flatMap((name) => tokensOf(path, text, name));
}

function tokensOf(path: string, text: string, name: string): readonly SourceToken[] {
  return evaluate([{ path, statements: parseGrubDefault(text) }], name).tokens;
}

/** Code that may set the variable leaves nobody knowing which assignment counts. */
function refuseUncertain(source: SourceText, name: string, host: string | undefined): void {
  const [place] = evaluate([source], name).uncertain;
  if (place === undefined) return;
  throw unsafe(
    place,
    `a plain assignment of ${name}`,
    'code that sets it, which is not evaluated',
    `write one line ${name}="…" instead`,
    host,
  );
}

/**
 * A value that is changed must be known, and end where it seems to: what a substitution prints may open a quote or say the
 * contrary, and what is open at the end would swallow what is added.
 */
function refuseOpaque(
  path: string,
  assignments: readonly Assignment[],
  values: readonly (readonly Unit[])[],
  host: string | undefined,
): void {
  for (const [index, { name, value, line }] of assignments.entries()) {
    if (value === values[index]) continue;
    const code = value.find((unit) => unit.kind === 'unknown');
    const place = `${path}:${line} ${name}`;
    if (code !== undefined) {
      const next = `run it yourself, and write what it prints in the place of ${code.raw}`;
      throw unsafe(place, 'a value that can be read', `${code.raw}, which only a shell evaluates`, next, host);
    }
    const open = openEnd(value);
    if (open === null) continue;
    const next = 'close it, or put a backslash before it that reaches GRUB';
    throw unsafe(place, 'a value that GRUB can read', `${open}, once the shell has read it`, next, host);
  }
}

/** What is open at the end of a value for GRUB, or for the kernel, which gets every `"` that GRUB does not take for its own. */
function openEnd(value: readonly Unit[]): string | null {
  const text = value.map((unit) => (unit.kind === 'text' ? unit.text : '')).join('');
  const { tokens } = grubLine;
  const line = tokens(value).map((token) => token.argument);
  return openingAtEnd(text, 'grub') ?? openingAtEnd(line.join(' '), 'kernel');
}

function unsafe(thing: string, expected: string, found: string, next: string, host: string | undefined): VfleetError {
  return new VfleetError({ code: 'boot.source', host, thing, expected, found, next: `${next}; nothing was changed` });
}

function deadNotes({ path, statements }: SourceText): readonly string[] {
  const alive = effectiveAssignments(statements, variable);
  const all = statements
    .flatMap((statement) => (statement.kind === 'assignments' ? statement.pieces : []))
    .filter((piece) => typeof piece !== 'string' && piece.name === variable);
  return all.flatMap((piece) =>
    typeof piece === 'string' || alive.includes(piece)
      ? []
      : [`${path}:${piece.line} sets ${variable} in vain: line ${alive.at(-1)?.line} sets it anew`],
  );
}

import { VfleetError } from '../errors.ts';
import { outvotedNotes, refuseContradiction } from './contradiction.ts';
import { editLine, type LineSyntax } from './edit-line.ts';
import type { SourceToken } from './grub-sources.ts';
import type { ArgumentWish } from './wish.ts';
import { openingAtEnd, type WordRules } from './word-rules.ts';

/** One value of arguments in a file, with its place. */
export interface Options {
  readonly value: string;
  readonly line: number;
}

/** What became of the values of a file. */
export interface OptionsEdit {
  /** As many as there were, or one where there was none. */
  readonly values: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Edits the values that make up one line of arguments, as the kernel or GRUB reads them. `owned` tokens are the runner's to
 * replace.
 * Errors: `boot.source` for what cannot be edited safely, `boot.contradiction`.
 */
export function editOptions(
  path: string,
  options: readonly Options[],
  wish: ArgumentWish,
  syntax: LineSyntax<string>,
  rules: WordRules,
  owned: readonly string[] = [],
): OptionsEdit {
  const values = options.map(({ value }) => value);
  const edit = editLine(syntax, values, wish, owned, []);
  for (const [index, { value, line }] of options.entries()) {
    if (value !== edit.values[index]) refuseOpenEnd(`${path}:${line} ${shown(value)}`, value, rules);
  }
  const lines = edit.values.map((value, index) => ({ value, line: options[index]?.line ?? 1 }));
  const tokens = tokensOf(path, lines, syntax);
  refuseContradiction(wish, tokens, undefined);
  const opaque = tokens
    .filter((token) => token.opaque)
    .map(
      (token) => `${token.path}:${token.line} ${token.text} stands for arguments that are set elsewhere, unseen here`,
    );
  return { ...edit, notes: [...new Set(opaque), ...outvotedNotes(wish, edit.added, tokens)] };
}

function tokensOf(path: string, options: readonly Options[], syntax: LineSyntax<string>): readonly SourceToken[] {
  return options.flatMap(({ value, line }) =>
    syntax.tokens(value).map((token) => ({ ...token, text: shown(token.text), path, line })),
  );
}

/** What is open at the end would swallow what is added, and the arguments of the next line. */
function refuseOpenEnd(thing: string, value: string, rules: WordRules): void {
  const open = openingAtEnd(value, rules) ?? (rules === 'grub' ? openingAtEnd(value, 'kernel') : null);
  if (open !== null) throw unsafeFile(thing, 'arguments that end where they seem to', open, 'close it');
}

/** Bytes as text for people: they are kept one character for each. */
export function shown(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** A file that cannot be edited safely. */
export function unsafeFile(thing: string, expected: string, found: string, next: string): VfleetError {
  return new VfleetError({ code: 'boot.source', thing, expected, found, next: `${next}; nothing was changed` });
}

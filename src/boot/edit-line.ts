import { parseArgument, sameName } from './arguments.ts';
import { type ArgumentWish, isAbsent, missingInOrder } from './wish.ts';

/** One argument inside a value: from one index to another, both included. */
export interface LineToken {
  /** As it stands there, for people. */
  readonly text: string;
  /** As the kernel gets it. */
  readonly argument: string;
  readonly from: number;
  readonly to: number;
  /** It holds a variable or a substitution, so that nobody knows the whole of it. */
  readonly opaque: boolean;
}

/** How arguments stand in the values of one kind of file. What it is not asked to change stays, byte for byte. */
export interface LineSyntax<V> {
  tokens(value: V): readonly LineToken[];
  /** The value without a token, and without the one blank that separated it. */
  without(value: V, token: LineToken): V;
  replaced(value: V, token: LineToken, argument: string): V;
  /** The value with arguments at its end. */
  extended(value: V, added: readonly string[]): V;
  readonly empty: V;
}

export interface LineEdit<V> {
  readonly values: readonly V[];
  /** Tokens that the line lacked. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Edits arguments token by token: what the wish wants gone is removed, own tokens that it does not want any more are
 * replaced or removed, and what is missing is put at the end. Foreign tokens and all blanks stay byte for byte. `values`
 * make up one line, in order; `after` are the arguments that follow on a boot entry's line.
 */
export function editLine<V>(
  syntax: LineSyntax<V>,
  values: readonly V[],
  wish: ArgumentWish,
  owned: readonly string[],
  after: readonly string[],
): LineEdit<V> {
  const removed: string[] = [];
  const added: string[] = [];
  let edited = values;
  for (;;) {
    const found = last(syntax, edited, (token) => isAbsent(wish, token));
    if (found === null) break;
    edited = found.without();
    removed.push(found.argument);
  }
  for (const stale of owned.filter((token) => !wish.present.includes(token))) {
    const found = last(syntax, edited, (token) => token === stale);
    if (found === null) continue;
    removed.push(stale);
    const heir = heirOf(stale, wish);
    const rest = [...knownArguments(syntax, found.without()), ...after];
    const lacks = heir !== undefined && missingInOrder({ ...wish, present: [heir] }, rest).length > 0;
    edited = lacks ? found.replacedBy(heir) : found.without();
    if (lacks) added.push(heir);
  }
  const missing = missingInOrder(wish, [...knownArguments(syntax, edited), ...after]);
  if (missing.length > 0) {
    edited = [...edited.slice(0, -1), syntax.extended(edited.at(-1) ?? syntax.empty, missing)];
  }
  return { values: edited, added: [...added, ...missing], removed };
}

/** The one wished token that takes the place of a stale one: of its name, or, where there are several, in its spelling. */
function heirOf(stale: string, { present }: ArgumentWish): string | undefined {
  const { name } = parseArgument(stale);
  const named = present.filter((token) => sameName(parseArgument(token).name, name));
  const heirs = named.length > 1 ? named.filter((token) => parseArgument(token).name === name) : named;
  return heirs.length === 1 ? heirs[0] : undefined;
}

/** The arguments of values, as the kernel gets them; what nobody can know is left out. */
function knownArguments<V>(syntax: LineSyntax<V>, values: readonly V[]): readonly string[] {
  return values.flatMap((value) =>
    syntax
      .tokens(value)
      .filter((token) => !token.opaque)
      .map((token) => token.argument),
  );
}

interface Found<V> {
  readonly argument: string;
  without(): readonly V[];
  replacedBy(argument: string): readonly V[];
}

/** The last token of which something holds: what the runner added stands at the end. */
function last<V>(syntax: LineSyntax<V>, values: readonly V[], holds: (argument: string) => boolean): Found<V> | null {
  for (let index = values.length - 1; index >= 0; index--) {
    const value = values[index] ?? syntax.empty;
    const token = syntax.tokens(value).findLast((candidate) => !candidate.opaque && holds(candidate.argument));
    if (token === undefined) continue;
    const swap = (other: V): readonly V[] => values.map((old, at) => (at === index ? other : old));
    return {
      argument: token.argument,
      without: () => swap(syntax.without(value, token)),
      replacedBy: (argument) => swap(syntax.replaced(value, token, argument)),
    };
  }
  return null;
}

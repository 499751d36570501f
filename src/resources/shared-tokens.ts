import { missingArguments } from '../boot/arguments.ts';
import { inheritedAt, type OwnedArguments, ownedSomewhere, withoutOwned } from '../boot/owned.ts';
import type { ArgumentWish } from '../boot/wish.ts';
import type { Shared } from './resource.ts';

/** What a playbook owns together with others, because they have put there what it wishes for too. */
export interface SharedTokens {
  /** All such tokens, by place. */
  readonly tokens: OwnedArguments;
  /** Files that become its as well: no token in them says so. */
  readonly files: readonly string[];
  /** What becomes of it, for people; `null`: nothing is new. */
  readonly summary: string | null;
}

/** Finds them, by what stood in each place before anything is changed. Pure. */
export function sharedTokens(wish: ArgumentWish, standing: OwnedArguments, shared: Shared | undefined): SharedTokens {
  if (shared === undefined) return { tokens: {}, files: [], summary: null };
  const theirs = (place: string): readonly string[] => [
    ...Object.values(shared.tokens).flatMap((owned) => inheritedAt(owned, place)),
    ...(shared.undone?.[place] ?? []),
  ];
  const tokens = Object.fromEntries(
    Object.entries(standing).flatMap(([place, there]) => {
      const common = [...new Set(there)].filter((token) => serves(wish, token) && theirs(place).includes(token));
      return common.length === 0 ? [] : [[place, common] as const];
    }),
  );
  const files = Object.keys(standing).filter((place) => isJoined(wish, place, standing, tokens, shared));
  const joins = ownedSomewhere(withoutOwned(tokens, shared.mine.tokens));
  const free = Object.entries(withoutOwned(shared.mine.tokens, shared.elsewhere?.tokens ?? {}));
  const leaves = free.flatMap(([place, own]) =>
    own.filter((token) => theirs(place).includes(token) && !serves(wish, token)),
  );
  return { tokens, files, summary: summaryOf(joins, files, [...new Set(leaves)], shared) };
}

function summaryOf(
  joins: readonly string[],
  files: readonly string[],
  leaves: readonly string[],
  shared: Shared,
): string | null {
  const inFiles = new Set(files.flatMap((path) => shared.files.get(path)?.playbooks ?? []));
  const words = [
    ...(joins.length > 0 ? [`own ${joins.join(' ')} ${howJoined(holdersOf(joins, shared))}`] : []),
    ...(files.length > 0 ? [`own ${files.join(' ')} ${togetherWith([...inFiles])}`] : []),
    ...(leaves.length > 0 ? [leftTo(leaves, holdersOf(leaves, shared))] : []),
  ];
  return words.length === 0 ? null : words.join(', ');
}

/** Whether a token is all that a wished one asks for. */
function serves({ present, exact }: ArgumentWish, token: string): boolean {
  return present.some((wished) => wished === token || missingArguments([wished], token, exact).length === 0);
}

/**
 * Whether a file of others is to stay as it is: what is wished stands in one that is theirs as a whole, or is gone from one
 * that they edit, and nobody knows who took it out.
 */
function isJoined(
  wish: ArgumentWish,
  place: string,
  standing: OwnedArguments,
  tokens: OwnedArguments,
  { files }: Shared,
): boolean {
  const file = files.get(place);
  if (file === undefined) return false;
  if (file.whole) return (standing[place] ?? []).some((token) => serves(wish, token));
  return wish.absent.length > 0 && !file.made && tokens[place] === undefined;
}

function howJoined(holders: readonly string[]): string {
  return holders.length > 0 ? togetherWith(holders) : 'again, which came back after an undo';
}

function holdersOf(tokens: readonly string[], shared: Shared): readonly string[] {
  return Object.entries(shared.tokens).flatMap(([name, owned]) =>
    ownedSomewhere(owned).some((token) => tokens.includes(token)) ? [name] : [],
  );
}

/** Who owns something already, for people. */
export function togetherWith(playbooks: readonly string[]): string {
  return `together with ${playbooks.join(', ')}`;
}

/** What is not wished for any more, and stays because others wish for it, for people. */
export function leftTo(things: readonly string[], playbooks: readonly string[]): string {
  return `leave ${things.join(' ')} to ${playbooks.join(', ')}`;
}

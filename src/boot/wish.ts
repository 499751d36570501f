import { missingArguments, parseArgument, parseArguments, sameName } from './arguments.ts';
import { accumulates, canonicalName, isWordList } from './kernel-parameter.ts';

/** Kernel arguments that a playbook wishes for. */
export interface ArgumentWish {
  /** Tokens, in the order in which they should stand. */
  readonly present: readonly string[];
  /** Names of arguments that should not be there. */
  readonly absent: readonly string[];
  /** Those of `present` that must stand there literally: a longer list of words is not enough. */
  readonly exact?: readonly string[] | undefined;
}

/** Whether a wish says anything about the name of a token. */
export function names(wish: ArgumentWish, token: string): boolean {
  const { name } = parseArgument(token);
  return isAbsent(wish, token) || wish.present.some((other) => sameName(parseArgument(other).name, name));
}

/** Whether a wish wants the name of a token gone. */
export function isAbsent(wish: ArgumentWish, token: string): boolean {
  return wish.absent.some((name) => sameName(name, parseArgument(token).name));
}

/**
 * Those of the wished tokens that a line lacks, as `missingArguments` says, where the tokens of one repeated name must
 * also stand in the wished order: of `console=tty0 console=ttyS0` the last becomes `/dev/console`
 * (Documentation/admin-guide/serial-console.rst). So must `hugepages=` after the `hugepagesz=` that it counts pages of
 * (`hugepages_setup` in mm/hugetlb.c). What comes after the first that is out of order is missing too.
 */
export function missingInOrder(
  { present, exact }: Pick<ArgumentWish, 'present' | 'exact'>,
  line: readonly string[],
): readonly string[] {
  const missing = new Set(missingArguments(present, line.join(' '), exact));
  for (const [name, wished] of groupByName(present)) {
    if (wished.length < 2 || accumulates(name) || isWordList(name)) continue;
    const there = parseArguments(line.join(' ')).map((argument) => argument.token);
    let from = 0;
    for (const token of wished) {
      const found = missing.has(token) ? -1 : there.indexOf(token, from);
      if (found >= 0) from = found + 1;
      else from = Number.POSITIVE_INFINITY;
      if (found < 0) missing.add(token);
    }
  }
  return present.filter((token) => missing.has(token));
}

function groupByName(tokens: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const token of tokens) {
    const name = familyOf(canonicalName(parseArgument(token).name));
    groups.set(name, [...(groups.get(name) ?? []), token]);
  }
  return groups;
}

/** One name for parameters whose order among each other counts. */
function familyOf(name: string): string {
  return name === 'hugepages' ? 'hugepagesz' : name;
}

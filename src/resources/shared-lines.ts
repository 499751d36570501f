import { hasLine } from './lines.ts';
import type { ChangeContext } from './resource.ts';
import { leftTo, togetherWith } from './shared-tokens.ts';

/** What a playbook owns together with others in a file of lines. */
export interface SharedLines {
  readonly lines: readonly string[];
  /** The file, where others own all of it. */
  readonly files: readonly string[];
  /** What becomes of it, for people; `null`: nothing is new. */
  readonly summary: string | null;
}

/** Finds the wished lines that stand there because another playbook has put them there. Pure. */
export function sharedLines(
  path: string,
  { old, text }: { readonly old: string; readonly text: string },
  isWished: (line: string) => boolean,
  { shared }: Pick<ChangeContext, 'shared'>,
): SharedLines {
  if (shared === undefined) return { lines: [], files: [], summary: null };
  const holdersOf = (lines: readonly string[]): readonly string[] =>
    Object.keys(shared.lines).filter((name) => lines.some((line) => shared.lines[name]?.[path]?.includes(line)));
  const theirs = [...new Set(Object.values(shared.lines).flatMap((byPath) => byPath[path] ?? []))];
  const lines = theirs.filter((line) => hasLine(old, line) && hasLine(text, line) && isWished(line));
  const mine = shared.mine.lines[path] ?? [];
  const joins = lines.filter((line) => !mine.includes(line));
  const isEarlier = shared.elsewhere?.paths.has(path) === true;
  const leaves = isEarlier ? [] : mine.filter((line) => theirs.includes(line) && !isWished(line));
  const file = text === old ? shared.files.get(path) : undefined;
  const words = [
    ...(joins.length > 0 ? [`own ${joins.join(' ')} ${togetherWith(holdersOf(joins))}`] : []),
    ...(leaves.length > 0 ? [leftTo(leaves, holdersOf(leaves))] : []),
    ...(file?.whole ? [`own ${path} ${togetherWith(file.playbooks)}`] : []),
  ];
  return { lines, files: file?.whole ? [path] : [], summary: words.length === 0 ? null : words.join(', ') };
}

import type { FormerLines, OwnedLines } from './owned-file.ts';
import type { HostRecord } from './record.ts';

type Formers = Pick<HostRecord, 'formerLines'>;

/**
 * What an undo of a playbook puts in the place of its lines, once these are `lines` and have replaced what is told. A line of its
 * own that was replaced is not what stood there before: what that one had replaced is. Pure.
 */
export function formerAfter(
  record: Pick<HostRecord, 'lines' | 'formerLines'>,
  playbook: string,
  lines: OwnedLines,
  replaced: FormerLines,
): Formers {
  const known = record.formerLines?.[playbook] ?? {};
  const now = fromPaths(lines, (path, line) => {
    const stood = textAt(replaced, path, line);
    const own = record.lines[playbook]?.[path] ?? [];
    if (stood === undefined) return textAt(known, path, line);
    return own.includes(stood) ? textAt(known, path, stood) : stood;
  });
  return withFormer(record, playbook, now);
}

/** Both: until a file is replaced, lines from before the replacing stand in it. Pure. */
export function joinFormer(next: Formers, before: Formers, playbook: string): Formers {
  const [after, known] = [next.formerLines?.[playbook] ?? {}, before.formerLines?.[playbook] ?? {}];
  const paths = [...new Set([...Object.keys(known), ...Object.keys(after)])];
  const joined = paths.map((path) => [path, { ...known[path], ...after[path] }] as const);
  return withFormer(next, playbook, Object.fromEntries(joined));
}

/**
 * Without a playbook. Where a line of its stood before one of another's, what its line had replaced is what comes back now; and
 * whoever owns a line together with it has to put that back in the end. Pure.
 */
export function forgetFormer(record: Pick<HostRecord, 'lines' | 'formerLines'>, playbook: string): Formers {
  const own = record.formerLines?.[playbook] ?? {};
  const others = Object.keys({ ...record.lines, ...record.formerLines }).filter((name) => name !== playbook);
  return others.reduce<Formers>((left, name) => {
    const former = record.formerLines?.[name] ?? {};
    const now = fromPaths(record.lines[name] ?? {}, (path, line) => {
      const text = textAt(former, path, line);
      if (text === undefined) return textAt(own, path, line);
      return record.lines[playbook]?.[path]?.includes(text) === true ? textAt(own, path, text) : text;
    });
    return withFormer(left, name, now);
  }, {});
}

/** What takes the place of lines of one file when a playbook is undone. */
export function formerAt({ formerLines }: Formers, playbook: string, path: string): ReadonlyMap<string, string> {
  return new Map(Object.entries(formerLines?.[playbook]?.[path] ?? {}));
}

function withFormer({ formerLines }: Formers, playbook: string, now: FormerLines): Formers {
  const { [playbook]: _, ...others } = formerLines ?? {};
  const all = Object.keys(now).length === 0 ? others : { ...others, [playbook]: now };
  return Object.keys(all).length === 0 ? {} : { formerLines: all };
}

function fromPaths(lines: OwnedLines, textOf: (path: string, line: string) => string | undefined): FormerLines {
  return Object.fromEntries(
    Object.entries(lines).flatMap(([path, own]) => {
      const texts = own.flatMap((line) => {
        const text = textOf(path, line);
        return text === undefined ? [] : [[line, text] as const];
      });
      return texts.length === 0 ? [] : [[path, Object.fromEntries(texts)] as const];
    }),
  );
}

function textAt(former: FormerLines, path: string, line: string): string | undefined {
  const texts = former[path] ?? {};
  return Object.hasOwn(texts, line) ? texts[line] : undefined;
}

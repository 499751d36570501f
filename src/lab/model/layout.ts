/** A file, folder or symbolic link that the model lays into a node's tree. */
export type Entry =
  | { readonly kind: 'file'; readonly content: string | Uint8Array; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'folder'; readonly mode: number };

/** Entries by absolute path in the node. Parents need not be named. */
export type Layout = ReadonlyMap<string, Entry>;

/** A regular file; 0644 where nothing else is said. */
export function file(content: string | Uint8Array, mode = 0o644): Entry {
  return { kind: 'file', content, mode };
}

/** A symbolic link. */
export function link(target: string): Entry {
  return { kind: 'link', target };
}

/** A folder, 0755 where nothing else is said. */
export function folder(mode = 0o755): Entry {
  return { kind: 'folder', mode };
}

/** A layout below one folder; a plain text stands for a file with that text and a final newline, as sysfs prints it. */
export function below(base: string, entries: Readonly<Record<string, Entry | string | undefined>>): Layout {
  const pairs = Object.entries(entries).flatMap(([name, entry]): [string, Entry][] =>
    entry === undefined ? [] : [[`${base}/${name}`, typeof entry === 'string' ? file(`${entry}\n`) : entry]],
  );
  return new Map(pairs);
}

/** Layouts laid over each other: the last one wins. */
export function merge(layouts: Iterable<Layout>): Layout {
  const merged = new Map<string, Entry>();
  for (const layout of layouts) for (const [path, entry] of layout) merged.set(path, entry);
  return merged;
}

/** Relative target for a link at `from` that leads to `to`, as sysfs writes them. Both are absolute. */
export function relativeTarget(from: string, to: string): string {
  const source = from.split('/').slice(1, -1);
  const target = to.split('/').slice(1);
  let same = 0;
  while (same < source.length && source[same] === target[same]) same += 1;
  return [...source.slice(same).map(() => '..'), ...target.slice(same)].join('/');
}

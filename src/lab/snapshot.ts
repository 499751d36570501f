import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';

/** Every path of a node's tree with what is there: kind, mode, owner, content or target, time of change. */
export type Snapshot = ReadonlyMap<string, string>;

export interface SnapshotOptions {
  /** Include /proc and /sys. Default: false. */
  readonly kernel?: boolean;
  /** Include /run and /tmp. Default: false. */
  readonly volatile?: boolean;
  /** Include modification times, which show a write of the same bytes and a file that came and went. Default: true. */
  readonly times?: boolean;
}

/** Digests of contents that many nodes share, by the identity of the file at a moment. */
const digests = new Map<string, string>();

/** Reads a whole tree. */
export async function takeSnapshot(root: string, options: SnapshotOptions = {}): Promise<Snapshot> {
  const left = new Set<string>(['/dev']);
  if (!options.kernel) for (const folder of ['/proc', '/sys']) left.add(folder);
  if (!options.volatile) for (const folder of ['/run', '/tmp']) left.add(folder);
  const found = new Map<string, string>();
  const walk = async (name: string): Promise<void> => {
    const entries = await readdir(path.join(root, name));
    for (const entry of entries.sort()) {
      const at = path.posix.join(name, entry);
      if (left.has(at)) continue;
      const { text, isFolder } = await describe(path.join(root, at), options.times ?? true);
      found.set(at, text);
      if (isFolder) await walk(at);
    }
  };
  await walk('/');
  return found;
}

/** What differs, one path a line: `+` new, `-` gone, `~` changed, with both states. Empty: nothing does. */
export function compareSnapshots(before: Snapshot, after: Snapshot): readonly string[] {
  const lines: string[] = [];
  for (const name of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === is) continue;
    if (was === undefined) lines.push(`+ ${name}: ${is}`);
    else if (is === undefined) lines.push(`- ${name}: ${was}`);
    else lines.push(`~ ${name}: ${was} -> ${is}`);
  }
  return lines;
}

async function describe(file: string, times: boolean): Promise<{ text: string; isFolder: boolean }> {
  const found = await lstat(file, { bigint: true });
  const mode = (Number(found.mode) & 0o7777).toString(8).padStart(4, '0');
  const head = `${mode} ${found.uid}:${found.gid}`;
  const tail = times ? ` ${found.mtimeNs}` : '';
  if (found.isSymbolicLink()) return { text: `link ${await readlink(file)}${tail}`, isFolder: false };
  if (found.isDirectory()) return { text: `folder ${head}${tail}`, isFolder: true };
  if (!found.isFile()) return { text: `special ${head} ${found.rdev}`, isFolder: false };
  const identity = [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(':');
  return { text: `file ${head} ${await digestOf(file, identity)}${tail}`, isFolder: false };
}

/** The digest of a file; a file that its owner may not read is told apart by its identity. */
async function digestOf(file: string, identity: string): Promise<string> {
  const known = digests.get(identity);
  if (known !== undefined) return known;
  try {
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    digests.set(identity, digest);
    return digest;
  } catch {
    return `unreadable ${identity}`;
  }
}

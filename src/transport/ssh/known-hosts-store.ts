import { constants } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import pLimit from 'p-limit';
import { VfleetError } from '../../errors.ts';
import { judge, parseKnownHosts, printKnownHost, type Verdict } from './known-hosts.ts';
import { createIndex, type HostEntries, type KnownHostsIndex, lookUp } from './known-hosts-index.ts';

/** Known_hosts files as they are read and added to. One per process, as it keeps additions in order. */
export interface KnownHostsStore {
  /** What all files know of a host; one that does not exist knows nothing. Errors: `ssh.known-hosts` when one cannot be read. */
  of(files: readonly string[], address: string, port: number): Promise<HostEntries>;
  /**
   * Judges a key once more and, when its host is still unknown, adds it to the first file. Returns the verdict before.
   * Errors: `ssh.known-hosts`.
   */
  add(files: readonly string[], address: string, port: number, key: Buffer): Promise<Verdict>;
}

interface Cached {
  readonly stamp: Stamp;
  readonly index: Promise<KnownHostsIndex>;
}

/** `onWarning`: called once for each line that is no entry. */
export function createKnownHostsStore(onWarning: (text: string) => void): KnownHostsStore {
  const cache = new Map<string, Cached>();
  const warned = new Set<string>();
  const additions = pLimit(1);

  const read = async (path: string): Promise<KnownHostsIndex> => {
    const { entries, problems } = parseKnownHosts(await readText(path), path);
    for (const problem of problems) {
      if (!warned.has(problem)) onWarning(problem);
      warned.add(problem);
    }
    return createIndex(entries);
  };
  const indexOf = async (path: string): Promise<KnownHostsIndex> => {
    const stamp = await stampOf(path);
    if (stamp === null) return createIndex([]);
    const cached = cache.get(path);
    if (cached !== undefined && isSame(cached.stamp, stamp)) return cached.index;
    const index = read(path);
    cache.set(path, { stamp, index });
    // One that could not be read may be repaired.
    index.catch(() => cache.delete(path));
    return index;
  };
  const of: KnownHostsStore['of'] = async (files, address, port) =>
    lookUp(await Promise.all(files.map(indexOf)), address, port);

  /** Thousands of new hosts must not read the file thousands of times. */
  const remember = async (path: string, line: string, written: number): Promise<void> => {
    const before = cache.get(path);
    cache.delete(path);
    const after = await stampOf(path);
    if (before === undefined || after === null || after.size !== before.stamp.size + BigInt(written)) return;
    const index = await before.index;
    for (const entry of parseKnownHosts(line, path).entries) index.add({ ...entry, position: path });
    cache.set(path, { stamp: after, index: before.index });
  };

  return {
    of,
    add: (files, address, port, key) =>
      additions(async () => {
        const verdict = judge(await of(files, address, port), key);
        const [first] = files;
        if (first !== undefined && verdict.kind === 'unknown' && verdict.others.length === 0) {
          const line = printKnownHost(address, port, key);
          await remember(first, line, await append(first, line));
        }
        return verdict;
      }),
  };
}

interface Stamp {
  readonly id: string;
  readonly size: bigint;
  readonly modified: bigint;
}

function isSame(left: Stamp, right: Stamp): boolean {
  return left.id === right.id && left.size === right.size && left.modified === right.modified;
}

/** Changes when the file does; `null` when there is none. */
async function stampOf(path: string): Promise<Stamp | null> {
  try {
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
    return { id: `${dev} ${ino}`, size, modified: mtimeNs };
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null;
    throw unusable(path, 'read', cause);
  }
}

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      return await file.readFile('latin1');
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw unusable(path, 'read', cause);
  }
}

/** One write of whole lines: what other programs append at the same time stays whole as well. Returns its bytes. */
async function append(path: string, line: string): Promise<number> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
    try {
      const { size } = await file.stat();
      const last = Buffer.alloc(1);
      if (size > 0) await file.read(last, 0, 1, size - 1);
      const isOpenLine = size > 0 && last[0] !== 0x0a;
      const { bytesWritten } = await file.write(Buffer.from(`${isOpenLine ? '\n' : ''}${line}\n`));
      await file.sync();
      return bytesWritten;
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw unusable(path, 'written', cause);
  }
}

function unusable(path: string, verb: 'read' | 'written', cause: unknown): VfleetError {
  return new VfleetError({
    code: 'ssh.known-hosts',
    thing: path,
    expected: `a file of host keys that can be ${verb}`,
    found: codeOf(cause) ?? String(cause),
    next: `check its mode and owner; no host is logged in to while its keys cannot be ${verb}`,
    cause,
  });
}

function codeOf(cause: unknown): string | null {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : null;
}

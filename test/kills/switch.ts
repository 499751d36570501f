import { closeSync, constants, lstatSync, openSync, readlinkSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { execute } from '../../src/lab/execute.ts';
import type { LabNode } from '../../src/lab/node.ts';
import { DiskHistory } from './disk-history.ts';
import { type DiskImage, differences, digestOf, type Known, partitionOf, readDisk } from './disk-image.ts';
import { isTemporary } from './judge.ts';
import { askFolder } from './wrappers.ts';

/** A moment before a command at which the disk is another than at the moment before. */
export interface Moment {
  readonly number: number;
  /** The command that asked. */
  readonly command: string;
  /** Tells what the disk would be after a cut that takes everything; `null`: such a cut would take nothing. */
  readonly safe: string | null;
  /** Tells what the disk is but for files beside others. */
  readonly lasting: string;
}

/** A node whose commands ask before they change the disk. */
export interface Switch {
  readonly history: DiskHistory;
  readonly moments: readonly Moment[];
  /** Resolves with the moment at which the command asked that gets no answer; never, where there is no such moment. */
  readonly reached: Promise<Moment>;
  /** Notes what is on the disk after the last command. */
  look(): void;
  /** Nothing is asked any more. */
  release(): void;
}

function lastingDigest(image: DiskImage): string {
  const isBeside = (at: string): boolean => isTemporary(at) || /^\/var\/lib\/vfleet\/[^/]+\.new$/.test(at);
  return digestOf(new Map([...image].filter(([at]) => !isBeside(at))));
}

/** Where a path leads through links, as to a partition that is mounted. */
function followed(root: string, at: string): string {
  return at
    .split('/')
    .filter(Boolean)
    .reduce((folder, name) => {
      const next = path.join(folder, name);
      const isLink = lstatSync(root + next, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
      return isLink ? path.resolve(folder, readlinkSync(root + next)) : next;
    }, '/');
}

/** Lets a node ask, and leaves the command at one of the moments without an answer. */
export async function armSwitch(node: LabNode, number: number | null): Promise<Switch> {
  const at = (name: string): string => path.join(node.root, askFolder, name);
  for (const name of ['ask', 'answer', 'lock', 'armed']) rmSync(at(name), { force: true });
  await execute('mkfifo', [at('ask'), at('answer')]);
  const [ask, answer] = [at('ask'), at('answer')].map((file) =>
    openSync(file, constants.O_RDWR | constants.O_NONBLOCK),
  ) as [number, number];
  const known = new Map() as Known;
  const history = new DiskHistory(readDisk(node.root, known));
  const moments: Moment[] = [];
  let { reboots } = node.counters;
  let isOver = false;

  const safeDigest = (): string | null => {
    // Only a run that is not cut is asked for it.
    if (number !== null) return null;
    const safe = history.afterCut('everything', () => 0);
    return differences(safe, history.now).length === 0 ? null : digestOf(safe);
  };
  /** Notes the disk as it is before a command; `null`: the disk is as at the last moment. */
  const look = (words: readonly string[]): Moment | null => {
    const before = history.now;
    const isNew = history.note(readDisk(node.root, known));
    // A tool has one of them mounted at a time.
    const mounted = differences(before, history.now)
      .map(partitionOf)
      .findLast((partition) => partition !== null);
    const others = [...new Set([...before.keys()].map(partitionOf))].filter((partition) => partition !== mounted);
    if (mounted !== undefined) for (const partition of others) if (partition !== null) history.syncBelow(partition);
    // It went down in order, and has written everything.
    if (node.counters.reboots > reboots) history.syncAll();
    ({ reboots } = node.counters);
    if (!isNew && moments.length > 0) return null;
    const lasting = number === null ? lastingDigest(history.now) : '';
    const moment = { number: moments.length, command: words.join(' '), safe: safeDigest(), lasting };
    moments.push(moment);
    return moment;
  };
  const noteSync = ([name, ...args]: readonly string[]): void => {
    // ostree syncs all file systems before it changes over (ostree_sysroot_write_deployments()); its stand-in does not.
    if (name === 'mv' && args.at(-1) === '/boot/loader') history.syncAll();
    if (name !== 'sync') return;
    const paths = args.filter((word) => !word.startsWith('-'));
    if (paths.length === 0 || args.includes('-f') || args.includes('--file-system')) history.syncAll();
    for (const operand of paths) history.sync(followed(node.root, operand));
  };

  const socket = new Socket({ fd: ask, readable: true, writable: false });
  const reached = new Promise<Moment>((resolve) => {
    let rest = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      const words = (rest + text).split('\0');
      rest = words.pop() ?? '';
      const [count, asker, ...call] = words;
      if (count === undefined || call.length <= Number(count)) {
        rest = [...words, rest].join('\0');
        return;
      }
      rest = '';
      if (isOver) return;
      const moment = look(call);
      if (moment !== null && moment.number === number) {
        isOver = true;
        resolve(moment);
        return;
      }
      noteSync(call);
      writeSync(answer, `${asker}\n`);
    });
  });
  writeFileSync(at('armed'), '');
  return {
    history,
    moments,
    reached,
    look: () => void look(['the end']),
    release: () => {
      isOver = true;
      rmSync(at('armed'), { force: true });
      socket.destroy();
      closeSync(answer);
    },
  };
}

import { sh } from '../shell/script.ts';
import { linesOf, type Sections } from './sections.ts';

/**
 * Mounts of disks (those of a major number) and of file systems that have many disks, which have number 0. A host of containers has
 * thousands of others. `FIRST:SECOND ROOT MOUNT TYPE SOURCE` of each is sent.
 */
export const mountsProbe = sh`
section hardware-mounts
grep -aE '^[0-9]+ [0-9]+ [1-9]| - (btrfs|zfs|bcachefs) ' /proc/self/mountinfo 2>/dev/null |
  sed -n 's/^[0-9]* [0-9]* \\([0-9]*:[0-9]*\\) \\([^ ]*\\) \\([^ ]*\\) .* - \\([^ ]*\\) \\([^ ]*\\) .*$/\\1 \\2 \\3 \\4 \\5/p'
section hardware-swaps
grep -a '^/' /proc/swaps 2>/dev/null
section hardware-pools
printf '%s\\n' /proc/spl/kstat/zfs/*/state /sys/fs/btrfs/*/devices/*
`;

export interface Mount {
  /** Number of the device: `8:1`. */
  readonly number: string;
  /** A part of the file system is mounted there, not all of it. */
  readonly part: boolean;
  readonly at: string;
  readonly type: string;
  /** What is mounted: devices in `/dev`, or a data set of ZFS. */
  readonly sources: readonly string[];
}

/** What `/proc/self/mountinfo` tells (proc(5)). */
export function parseMounts(sections: Sections): readonly Mount[] {
  return linesOf(sections, 'hardware-mounts').flatMap((line) => {
    const [, number, root, at, type, source] = /^(\d+:\d+) (\S+) (\S+) (\S+) (\S+)$/.exec(line) ?? [];
    if (number === undefined || at === undefined || type === undefined || source === undefined) return [];
    const sources = type === 'bcachefs' ? source.split(':') : [source];
    return [{ number, part: root !== '/', at: decode(at), type, sources: sources.map(decode) }];
  });
}

/** Devices in `/dev` that hold swap. */
export function parseSwaps(sections: Sections): readonly string[] {
  return linesOf(sections, 'hardware-swaps').flatMap((line) => {
    const path = /^(\/dev\/\S+)\s/.exec(line)?.[1];
    return path === undefined ? [] : [decode(path)];
  });
}

/** File systems of many disks that are in use. */
export interface Pools {
  /** Names of imported pools of ZFS. */
  readonly zfs: readonly string[];
  /** UUIDs of btrfs by the name of a disk. */
  readonly btrfs: ReadonlyMap<string, string>;
}

/** Pools have a folder in the statistics of ZFS, and btrfs tells in sysfs what it is made of: nothing holds their disks else. */
export function parsePools(sections: Sections, mounts: readonly Mount[]): Pools {
  const lines = linesOf(sections, 'hardware-pools').filter((line) => !line.includes('*'));
  const imported = lines.flatMap((line) => /^\/proc\/spl\/kstat\/zfs\/([^/]+)\/state$/.exec(line)?.[1] ?? []);
  const mounted = mounts.filter(({ type }) => type === 'zfs').map(({ sources }) => sources[0]?.split('/')[0] ?? '');
  const btrfs = lines.flatMap((line): [string, string][] => {
    const [, id, disk] = /^\/sys\/fs\/btrfs\/([^/]+)\/devices\/([^/]+)$/.exec(line) ?? [];
    return id === undefined || disk === undefined ? [] : [[disk, id]];
  });
  return { zfs: [...new Set([...imported, ...mounted])].filter((name) => name !== ''), btrfs: new Map(btrfs) };
}

/** Blanks and the like stand there in octal: `\040`. What would begin a line of its own stays so. */
function decode(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (octal, digits: string) => {
    const code = Number.parseInt(digits, 8);
    return code < 0x20 ? octal : String.fromCharCode(code);
  });
}

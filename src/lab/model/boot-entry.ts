import type { Disk } from './disk.ts';
import { findOnPartition } from './esp.ts';
import { compareVersions } from './version-order.ts';

/** An entry that systemd-boot offers: its file could be read, and what it starts is there. */
export interface BootEntry {
  /** Name of the file in lower case, counters and all: 252 does not take them off, unlike bootctl. */
  readonly id: string;
  /** The file as it is named. */
  readonly path: string;
  /** What it starts, as a path in the tree. */
  readonly image: string;
  readonly options: string;
  readonly sortKey: string;
  readonly machineId: string;
  readonly version: string;
  /** `NAME+LEFT-DONE.conf` (systemd.io/AUTOMATIC_BOOT_ASSESSMENT); `null`: not counted. */
  readonly tries: { readonly left: number; readonly done: number } | null;
}

/**
 * The entries of a partition in the order of the menu, the first one on top.
 * Source: `config_load_entries()`, `config_entry_add_type1()` of src/boot/efi/boot.c of systemd 252.
 */
export function readBootEntries(disk: Disk, partition: string): readonly BootEntry[] {
  const folder = `${partition}/loader/entries`;
  const entries = disk.list(folder).flatMap((name) => {
    const text = disk.read(`${folder}/${name}`);
    if (text === null || name.startsWith('.') || name.startsWith('auto-') || !/\.conf$/i.test(name)) return [];
    return readEntry(disk, partition, `${folder}/${name}`, name, text) ?? [];
  });
  return entries.sort(compareEntries);
}

function readEntry(disk: Disk, partition: string, path: string, name: string, text: string): BootEntry | null {
  const values = readPairs(text);
  const last = (key: string) => values.findLast(([found]) => found === key)?.[1] ?? '';
  if (values.some(([key, value]) => key === 'architecture' && value !== 'x64')) return null;
  const loader = values.findLast(([key]) => key === 'linux' || key === 'efi');
  // What is not there is not offered.
  const image = loader === undefined ? null : findOnPartition(disk, partition, loader[1]);
  if (image === null) return null;
  const all = (key: string) => values.filter(([found]) => found === key).map(([, value]) => value);
  const initrds = loader?.[0] === 'linux' ? all('initrd') : [];
  const counted = /\+(\d+)(?:-(\d+))?\.conf$/i.exec(name);
  return {
    id: name.toLowerCase(),
    path,
    image,
    options: [...initrds.map((item) => `initrd=${item.replaceAll('/', '\\')}`), ...all('options')].join(' '),
    sortKey: last('sort-key'),
    machineId: last('machine-id'),
    version: last('version'),
    tries: counted === null ? null : { left: Number(counted[1]), done: Number(counted[2] ?? 0) },
  };
}

/** Lines `KEY VALUE`; a key without a value is none; quotes around a whole value are taken off (`line_get_key_value()`). */
export function readPairs(text: string): readonly (readonly [key: string, value: string])[] {
  return text.split(/[\n\r]/).flatMap((line) => {
    const found = /^([^\s#]\S*)[ \t]+(.*)$/.exec(line.replace(/^[ \t]+|[ \t]+$/g, ''));
    if (found?.[1] === undefined || found[2] === undefined) return [];
    return [[found[1], /^".*"$/.test(found[2]) ? found[2].slice(1, -1) : found[2]]] as const;
  });
}

/** `config_entry_compare()`: what has no tries left goes last; with a `sort-key` newest first, and before those without. */
function compareEntries(a: BootEntry, b: BootEntry): number {
  const spent = (entry: BootEntry) => (entry.tries?.left === 0 ? 1 : 0);
  const plain = (entry: BootEntry) => (entry.sortKey === '' ? 1 : 0);
  const keyed =
    a.sortKey === '' || b.sortKey === ''
      ? 0
      : order(a.sortKey, b.sortKey) || order(a.machineId, b.machineId) || compareVersions(b.version, a.version);
  return spent(a) - spent(b) || plain(a) - plain(b) || keyed || compareVersions(b.id, a.id) || compareTries(a, b);
}

function compareTries(a: BootEntry, b: BootEntry): number {
  if (a.tries === null || b.tries === null) return 0;
  return b.tries.left - a.tries.left || a.tries.done - b.tries.done;
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

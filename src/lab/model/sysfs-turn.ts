import { readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { difference } from './bus-layout.ts';
import type { Disk } from './disk.ts';
import { resolveInside } from './inside.ts';
import type { Layout } from './layout.ts';

/** Files that are read, too. */
export const attributes: ReadonlySet<string> = new Set([
  'driver_override',
  'sriov_numvfs',
  'sriov_drivers_autoprobe',
  'nr_hugepages',
]);

/** Files that are only written to: they are empty but for a moment. */
export const triggers: ReadonlySet<string> = new Set(['bind', 'unbind', 'new_id', 'drivers_probe']);

/** What a script has written into a file. */
export interface Write {
  readonly file: string;
  readonly text: string;
}

/** Where it is laid. */
export interface SysfsPlace {
  readonly root: string;
  readonly disk: Disk;
  /** `/dev` is another one where nodes have mounts of their own. */
  readonly view: Disk;
  /** New nodes in `/dev` are there, and what scripts wait for is not yet. */
  readonly devicesLaid: (names: readonly string[]) => void;
}

/**
 * Lays what differs between two states of sysfs. The file that was written to comes first, and
 * tells what the kernel would: what was refused is gone, what was taken is in its form. A script that waits for an effect may write
 * again as soon as it sees a part of it: what it has written by then is left alone, and obeyed in its turn.
 */
export function layTurn(place: SysfsPlace, before: Layout, after: Layout, write: Write | null): void {
  const { disk, view } = place;
  const { laid, gone } = difference(before, after);
  if (write !== null) tell(disk, write.file, write.text, after);
  const fresh = [...laid].filter(([name]) => !isWritten(disk, name, before, after));
  for (const name of gone.toSorted(lastSeen)) {
    (isDevice(name) ? view : disk).remove(name);
    removeEmpty(place.root, path.posix.dirname(name), after);
  }
  const devices = fresh.filter(([name]) => isDevice(name));
  view.lay(new Map(devices));
  place.devicesLaid(devices.map(([name]) => name));
  const others = fresh.filter(([name]) => !isDevice(name));
  disk.lay(new Map(others.toSorted(([a], [b]) => lastSeen(a, b))));
}

function isDevice(name: string): boolean {
  return name.startsWith('/dev/');
}

/** Puts what a layout has into a file that holds a text still. */
function tell(disk: Disk, file: string, text: string, layout: Layout): void {
  const told = layout.get(file);
  if (told?.kind !== 'file' || told.content === text) return;
  if (disk.read(file) === text) disk.overwrite(file, String(told.content));
}

/** Whether a file is told already, as one that a script has written to; else it is told now, before all that is to be seen. */
function isWritten(disk: Disk, file: string, before: Layout, after: Layout): boolean {
  const name = path.posix.basename(file);
  if (triggers.has(name)) return disk.read(file) !== null;
  const was = before.get(file);
  if (!attributes.has(name) || was?.kind !== 'file') return false;
  tell(disk, file, String(was.content), after);
  return disk.read(file) !== null;
}

/** Folders that held nothing else. */
function removeEmpty(root: string, folder: string, layout: Layout): void {
  if (layout.has(folder) || !/^\/sys\/.+\//.test(folder)) return;
  const at = resolveInside(root, folder, false);
  try {
    if (at === null || readdirSync(at).length > 0) return;
    rmdirSync(at);
  } catch {
    return;
  }
  removeEmpty(root, path.posix.dirname(folder), layout);
}

/** Puts the links last that scripts wait for: when one comes or goes, the rest has come or gone. */
function lastSeen(a: string, b: string): number {
  const isAwaited = (name: string) => /\/(?:driver|virtfn\d+)$/.test(name);
  return Number(isAwaited(a)) - Number(isAwaited(b));
}

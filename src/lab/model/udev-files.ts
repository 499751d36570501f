import type { Disk } from './disk.ts';
import { readUdevRules, type UdevRules } from './udev-rules.ts';

/** Folders of udev(7) that nodes have, the first one wins. */
const folders = ['/etc/udev/rules.d', '/run/udev/rules.d', '/usr/local/lib/udev/rules.d', '/usr/lib/udev/rules.d'];

/** A file of rules, by its name. */
export interface UdevFile {
  readonly name: string;
  readonly text: string;
}

/** The files of rules on a disk; a name in an earlier folder hides it in later ones, and so does a link to /dev/null. */
export function udevFiles(disk: Disk): readonly UdevFile[] {
  const found = new Map<string, string>();
  for (const folder of folders) {
    for (const name of disk.list(folder))
      if (name.endsWith('.rules') && !found.has(name)) found.set(name, disk.read(`${folder}/${name}`) ?? '');
  }
  return [...found].map(([name, text]) => ({ name, text }));
}

/** Rules in the order of the names of their files, whatever folder they are in. */
export function rulesOf(files: readonly UdevFile[]): UdevRules {
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const read = sorted.map(({ name, text }) => readUdevRules(name, text));
  return { rules: read.flatMap(({ rules }) => rules), unknown: read.flatMap(({ unknown }) => unknown) };
}

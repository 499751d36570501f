import { appendFileSync } from 'node:fs';
import type { Disk } from './disk.ts';
import { resolveInside } from './inside.ts';
import { modelFolder } from './journal.ts';

/** Adds a line to the kernel log of a machine that is up, as the stand-in tools do. */
export function logLine(root: string, disk: Disk, text: string): void {
  const seconds = `${(disk.read('/proc/uptime') ?? '73.42').split(' ')[0]}0000`;
  const now = new Date();
  const wall = `${now.toUTCString().slice(8, 11)} ${now.toISOString().slice(8, 10)} ${now.toISOString().slice(11, 19)}`;
  const append = (name: string, line: string) => {
    const at = resolveInside(root, `${modelFolder}/log/${name}`, false);
    if (at !== null) appendFileSync(at, line);
  };
  append('journal', `${seconds}\t${wall}\tkernel\t${text}\n`);
  append('ring', `[${seconds.padStart(12)}] ${text}\n`);
}

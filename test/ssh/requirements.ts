import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Where a program lies, the folders of `sbin` included; `null`: it is not installed. */
export function findProgram(name: string): string | null {
  const folders = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`
    .split(':')
    .filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

/**
 * Whether a suite can run here. Where it cannot, it says `SKIPPED: why`, and throws in CI, where everything must be there.
 * `root`: it needs to be root.
 */
export function canRun(suite: string, programs: readonly string[], root = false): boolean {
  const missing = programs.filter((name) => findProgram(name) === null).map((name) => `${name} is not installed`);
  if (root && process.getuid?.() !== 0) missing.push('not root');
  if (missing.length === 0) return true;
  const why = `${suite}: ${missing.join(', ')}`;
  if (process.env['CI'] === 'true') throw new Error(`needed in CI: ${why}`);
  console.log(`SKIPPED: ${why}`);
  return false;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

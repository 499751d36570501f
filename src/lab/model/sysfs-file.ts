import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { resolveInside } from './inside.ts';

/**
 * Takes what was written into a file that only writes are made to, and leaves it empty; empty where nothing was. Never follows a
 * link, and never touches a file that nodes share.
 */
export function takeWrite(base: string, path: string): string {
  const at = resolveInside(base, path, false);
  if (at === null) return '';
  let handle: number;
  try {
    handle = openSync(at, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return '';
  }
  try {
    const found = fstatSync(handle);
    if (!found.isFile() || found.nlink !== 1 || found.size === 0) return '';
    const bytes = Buffer.alloc(Math.min(found.size, 4096));
    const text = bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, 0)).toString('utf8');
    ftruncateSync(handle);
    return text;
  } finally {
    closeSync(handle);
  }
}

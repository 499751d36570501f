import { lstatSync, readlinkSync } from 'node:fs';

/** Path on this machine of a path in the tree; `null` where a link loops. What does not exist is taken as it stands. */
export function resolveInside(base: string, path: string, followLast: boolean): string | null {
  let pending = path.split('/').filter((part) => part !== '' && part !== '.');
  let done: string[] = [];
  for (let links = 0; pending.length > 0; ) {
    const [part, ...rest] = pending;
    pending = rest;
    if (part === undefined) break;
    if (part === '..') {
      done = done.slice(0, -1);
      continue;
    }
    const here = `${base}/${[...done, part].join('/')}`;
    const isLink = lstatSync(here, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    if (!isLink || (rest.length === 0 && !followLast)) {
      done = [...done, part];
      continue;
    }
    links += 1;
    if (links > 40) return null;
    const target = readlinkSync(here);
    if (target.startsWith('/')) done = [];
    pending = [...target.split('/').filter((name) => name !== '' && name !== '.'), ...rest];
  }
  return done.length === 0 ? base : `${base}/${done.join('/')}`;
}

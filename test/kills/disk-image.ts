import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { modelFolder } from '../../src/lab/model/journal.ts';
import { askFolder } from './wrappers.ts';

/** What is at a path of a node's disk. `id`: the same file under whatever name. */
export type Entry = { readonly id: string; readonly mode: number; readonly owner: string } & (
  | { readonly kind: 'file'; readonly bytes: Buffer }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'folder' }
);

/** The part of a disk that commands of a run may change, by absolute path in the node; folders before what is in them. */
export type DiskImage = ReadonlyMap<string, Entry>;

/** Programs, what is no disk, and what belongs to the lab. */
const left = new Set(['/dev', '/proc', '/sys', '/run', '/tmp', '/usr', '/lost+found', askFolder]);

/** Of what belongs to the lab, partitions that no node mounts for long are the node's. */
const partitions = `${modelFolder}/partitions`;

function isLeft(at: string): boolean {
  return left.has(at) || (at.startsWith(`${modelFolder}/`) && at !== partitions && !at.startsWith(`${partitions}/`));
}

/** The partition that a path is on; `null`: none of those that a tool mounts for a moment. */
export function partitionOf(at: string): string | null {
  if (!at.startsWith(`${partitions}/`)) return null;
  return at.split('/', partitions.split('/').length + 1).join('/');
}

/** Entries by the state of an inode: most are the same at the next look. */
export type Known = Map<string, Entry>;

/** Looks at a node's disk, synchronously: nothing comes in between. */
export function readDisk(root: string, known: Known = new Map()): DiskImage {
  const image = new Map<string, Entry>();
  const walk = (folder: string): void => {
    for (const name of readdirSync(root + folder).sort()) {
      const at = folder === '/' ? `/${name}` : `${folder}/${name}`;
      const entry = isLeft(at) ? null : readEntry(root + at, known);
      if (entry === null) continue;
      image.set(at, entry);
      if (entry.kind === 'folder') walk(at);
    }
  };
  walk('/');
  return image;
}

function readEntry(file: string, known: Known): Entry | null {
  const found = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return null;
  const state = [found.ino, found.birthtimeNs, found.ctimeNs, found.mtimeNs, found.size].join(' ');
  const entry = known.get(state) ?? describeEntry(file, found);
  if (entry !== null) known.set(state, entry);
  return entry;
}

function describeEntry(file: string, found: BigIntStats): Entry | null {
  // A freed inode is soon another file: the time of its birth tells them apart, where the file system keeps one.
  const id = `${found.ino}:${found.birthtimeNs}`;
  const common = { id, mode: Number(found.mode) & 0o7777, owner: `${found.uid}:${found.gid}` };
  if (found.isDirectory()) return { ...common, kind: 'folder' };
  if (found.isSymbolicLink()) return { ...common, kind: 'link', target: readlinkSync(file) };
  return found.isFile() ? { ...common, kind: 'file', bytes: readFileSync(file) } : null;
}

/** Makes the disk of a node that is off what the image says. */
export function writeDisk(root: string, image: DiskImage): void {
  const now = readDisk(root);
  for (const at of now.keys()) if (!image.has(at)) rmSync(root + at, { recursive: true, force: true });
  for (const [at, entry] of image) {
    const found = now.get(at);
    if (found !== undefined && alike(found, entry)) continue;
    writeEntry(root + at, entry, found?.kind === 'folder' && entry.kind === 'folder');
  }
}

function writeEntry(file: string, entry: Entry, isThere: boolean): void {
  if (!isThere) rmSync(file, { recursive: true, force: true });
  if (entry.kind === 'link') return symlinkSync(entry.target, file);
  if (entry.kind === 'folder') mkdirSync(file, { recursive: true });
  else {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, entry.bytes, { flag: 'wx' });
  }
  const [uid, gid] = entry.owner.split(':').map(Number);
  chownSync(file, uid ?? 0, gid ?? 0);
  chmodSync(file, entry.mode);
}

/** Whether two entries hold the same, whatever their identity. */
export function alike(one: Entry, other: Entry): boolean {
  if (one === other) return true;
  if (one.kind !== other.kind || one.owner !== other.owner) return false;
  if (one.kind === 'link') return other.kind === 'link' && one.target === other.target;
  if (one.mode !== other.mode) return false;
  return one.kind !== 'file' || (other.kind === 'file' && one.bytes.equals(other.bytes));
}

/** Paths at which two images differ. */
export function differences(one: DiskImage, other: DiskImage): readonly string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter((at) => {
    const [was, is] = [one.get(at), other.get(at)];
    return was === undefined || is === undefined || !alike(was, is);
  });
}

/** A digest of all that two runs have in common: names of runs, and what only their jobs tell, are left out. */
export function digestOf(image: DiskImage): string {
  const digest = createHash('sha256');
  for (const [at, entry] of image) {
    if (/^\/var\/lib\/vfleet\/(?:jobs|backups?)\//.test(at)) continue;
    const content = entry.kind === 'file' ? entry.bytes : entry.kind === 'link' ? entry.target : '';
    digest.update(`${at} ${entry.kind} ${entry.mode} ${entry.owner} ${content.length} `).update(content);
  }
  return digest.digest('hex');
}

import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { didYouMean } from '../nearest.ts';
import { type Problems, wholeFile } from './problem.ts';
import { ioReason } from './text-file.ts';

/** The files of an inventory. */
export interface Sources {
  /** Inventory files, in the order in which they are merged. */
  readonly files: readonly string[];
  /** The folder that `group_vars` and `host_vars` lie in, and that relative paths count from. */
  readonly folder: string;
}

/** Files in an inventory folder that are none of it. (Source: ansible-core 2.14, `config/base.yml`, INVENTORY_IGNORE_EXTS.) */
const IGNORED = /(?:\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.ini|\.cfg|\.retry)$/;

const YAML_EXTENSIONS: readonly string[] = ['', '.yml', '.yaml', '.json'];

/** Finds the files of an inventory: the file itself, or a folder's files and sub-folders in the order of their names. */
export async function findSources(path: string, problems: Problems): Promise<Sources> {
  const kind = await kindAt(path);
  if (kind === 'folder') return { files: await filesIn(path, path, problems), folder: path };
  if (kind === 'file') return { files: [path], folder: dirname(path) };
  const hint = kind === 'missing' ? await missingHint(path) : '';
  const reason = kind === 'missing' ? 'no such file or folder' : kind;
  problems.add('inventory.missing', wholeFile(path), [], `the inventory cannot be read: ${reason}${hint}`);
  return { files: [], folder: dirname(path) };
}

/** What is at a path: symbolic links are followed; any other answer is the reason why it cannot be told. */
export async function kindAt(path: string): Promise<string> {
  try {
    const stats = await stat(path);
    return stats.isDirectory() ? 'folder' : 'file';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'missing' : ioReason(error);
  }
}

async function filesIn(folder: string, top: string, problems: Problems): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await namesIn(folder, problems)) {
    const path = join(folder, name);
    if (name.startsWith('.') || IGNORED.test(name)) continue;
    if (name === 'group_vars' || name === 'host_vars') {
      if (folder === top) continue;
      const text = `is not read, as in Ansible: only ${join(top, name)} is; move it there`;
      problems.warn(wholeFile(path), [], text);
      continue;
    }
    if ((await kindAt(path)) === 'folder') found.push(...(await filesIn(path, top, problems)));
    else if (YAML_EXTENSIONS.includes(extname(name)) || (await kindAt(path)) !== 'file') found.push(path);
    else {
      const text = `is not a YAML inventory (${YAML_EXTENSIONS.slice(1).join(', ')}); move it out of the inventory folder`;
      problems.add('inventory.foreign', wholeFile(path), [], text);
    }
  }
  return found;
}

/** The names in a folder, in the order of their characters, as Ansible sorts them. */
export async function namesIn(folder: string, problems: Problems): Promise<readonly string[]> {
  try {
    const entries: Dirent[] = await readdir(folder, { withFileTypes: true });
    return entries.map((entry) => entry.name).toSorted((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    problems.add('inventory.unreadable', wholeFile(folder), [], `cannot be read: ${ioReason(error)}`);
    return [];
  }
}

async function missingHint(path: string): Promise<string> {
  if (path.includes(',')) return '; a list of hosts is not an inventory: write them in a YAML file';
  const folder = dirname(path);
  const siblings = await readdir(folder).catch(() => []);
  const meant = didYouMean(
    basename(path),
    siblings.filter((name) => !name.startsWith('.')),
  );
  if (meant !== '') return meant;
  return siblings.length === 0
    ? `; the folder ${folder} is missing or empty too`
    : '; give the path of a YAML file or of a folder of them with -i';
}

import { extname, join } from 'node:path';
import pLimit from 'p-limit';
import { isMap } from 'yaml';
import { didYouMean } from '../nearest.ts';
import { type Body, emptyBody, readBody } from './body.ts';
import { entriesOf, kindOf, parseYaml } from './document.ts';
import type { Draft } from './draft.ts';
import { type Problems, wholeFile } from './problem.ts';
import { kindAt, namesIn } from './sources.ts';
import { isVaultFile, readText } from './text-file.ts';

/** In the order in which Ansible tries them; the first that exists is the only one that is read. */
const EXTENSIONS: readonly string[] = ['', '.yml', '.yaml', '.json'];

/** Enough to hide the latency of a network file system, few enough for any limit of open files. */
const AT_ONCE = 16;

/**
 * Adds `group_vars` and `host_vars` of the inventory's folder to the draft: for each group and host NAME, `NAME.yml`,
 * `NAME.yaml`, `NAME.json`, or all files of a folder NAME in the order of their names. (Source: ansible-core 2.14,
 * `plugins/vars/host_group_vars.py` and `parsing/dataloader.py`, `find_vars_files`.)
 */
export async function readVarsFiles(draft: Draft, folder: string, problems: Problems): Promise<void> {
  await readKind(draft.groups, join(folder, 'group_vars'), 'group', problems);
  await readKind(draft.hosts, join(folder, 'host_vars'), 'host', problems);
}

type Owners = ReadonlyMap<string, { readonly files: Body[] }>;

async function readKind(owners: Owners, folder: string, kind: 'group' | 'host', problems: Problems): Promise<void> {
  if ((await kindAt(folder)) !== 'folder') return;
  const names = new Set(await namesIn(folder, problems));
  const limit = pLimit(AT_ONCE);
  const read: Promise<void>[] = [];
  for (const [owner, { files }] of owners) {
    const found = EXTENSIONS.map((extension) => owner + extension).filter((name) => names.delete(name));
    const [first, ...shadowed] = found;
    if (first === undefined) continue;
    for (const name of shadowed) {
      problems.warn(wholeFile(join(folder, name)), [], `is not read, as in Ansible: ${first} goes before it`);
    }
    read.push(limit(async () => void files.push(...(await readOwner(join(folder, first), problems)))));
  }
  await Promise.all(read);
  nameUnowned(names, folder, kind, owners, problems);
}

function nameUnowned(names: Iterable<string>, folder: string, kind: string, owners: Owners, problems: Problems): void {
  for (const name of names) {
    const extension = extname(name);
    const stem = EXTENSIONS.includes(extension) ? name.slice(0, name.length - extension.length) : null;
    // A group of every inventory, which has no hosts in this one.
    if (stem === null || name.startsWith('.') || name.endsWith('~') || stem === 'ungrouped') continue;
    const text = `is not read: the inventory has no ${kind} "${stem}"${didYouMean(stem, owners.keys())}`;
    problems.warn(wholeFile(join(folder, name)), [], text);
  }
}

async function readOwner(path: string, problems: Problems): Promise<readonly Body[]> {
  const files = (await kindAt(path)) === 'folder' ? await filesBelow(path, problems) : [path];
  const bodies: Body[] = [];
  for (const file of files) {
    const body = await readVarsFile(file, problems);
    if (body !== null) bodies.push(body);
  }
  return bodies;
}

async function filesBelow(folder: string, problems: Problems): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await namesIn(folder, problems)) {
    if (name.startsWith('.') || name.endsWith('~') || !EXTENSIONS.includes(extname(name))) continue;
    const path = join(folder, name);
    if ((await kindAt(path)) !== 'folder') found.push(path);
    else if (extname(name) === '') found.push(...(await filesBelow(path, problems)));
  }
  return found;
}

async function readVarsFile(file: string, problems: Problems): Promise<Body | null> {
  const text = await readText(file, problems);
  if (text === null) return null;
  if (isVaultFile(text)) {
    const next = 'what it sets is unknown to vfleet; give what a playbook needs with -e @FILE';
    problems.warn(wholeFile(file), [], `is not read: it is encrypted with ansible-vault, and ${next}`);
    return null;
  }
  const yaml = parseYaml(file, text, problems);
  const root = yaml?.follow(yaml.contents) ?? null;
  if (yaml === null || kindOf(root) === 'nothing') return null;
  const body = emptyBody();
  if (isMap(root)) readBody(body, entriesOf(root, yaml, [], problems), yaml, [], problems);
  else problems.add('inventory.type', yaml.place(root), [], `expected a map of variables, found ${kindOf(root)}`);
  return body;
}

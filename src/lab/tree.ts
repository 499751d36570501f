import { chmod, copyFile, link, lstat, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Template } from './template.ts';

const folders = [
  'boot dev etc home media mnt opt proc root run srv sys tmp usr usr/local usr/local/bin usr/local/sbin usr/share var',
  'var/cache var/lib var/log var/tmp',
].flatMap((line) => line.split(' '));

/**
 * Makes a node's file tree: programs and libraries as hard links to the template (never to files of this machine),
 * the usual folders, and the root account.
 */
export async function makeTree(template: Template, root: string): Promise<void> {
  for (const folder of [...folders, ...template.folders]) await mkdir(path.join(root, folder), { recursive: true });
  await Promise.all(template.files.map((file) => linkOrCopy(path.join(template.folder, file), path.join(root, file))));
  for (const entry of template.links) await symlink(entry.target, path.join(root, entry.path));
  await symlink('/run', path.join(root, 'var/run'));
  await chmod(path.join(root, 'root'), 0o700);
  await writeFile(path.join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(path.join(root, 'etc/group'), 'root:x:0:\nkvm:x:104:\n');
  await emptyVolatile(root);
}

/** Empties what a machine keeps in memory only: /run and /tmp. */
export async function emptyVolatile(root: string): Promise<void> {
  for (const [name, mode] of [
    ['run', 0o755],
    ['tmp', 0o1777],
  ] as const) {
    const folder = path.join(root, name);
    await emptyFolder(folder);
    await chmod(folder, mode);
  }
  await mkdir(path.join(root, 'run/lock'), { recursive: true });
  await mkdir(path.join(root, 'run/lab'), { recursive: true });
}

/** Removes what is in a folder, but the names to keep; the folder stays, for it may be a mount point. A link is replaced. */
export async function emptyFolder(folder: string, keep: readonly string[] = []): Promise<void> {
  const found = await lstat(folder).catch(() => null);
  if (!found?.isDirectory()) {
    await rm(folder, { force: true });
    await mkdir(folder);
    return;
  }
  const names = (await readdir(folder)).filter((name) => !keep.includes(name));
  await Promise.all(names.map((name) => removeTree(path.join(folder, name))));
}

/** Removes a tree, folders that a script has locked for their owner among it. */
export async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    await unlock(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function unlock(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => null);
  if (!found?.isDirectory()) return;
  await chmod(folder, 0o700);
  for (const name of await readdir(folder)) await unlock(path.join(folder, name));
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch {
    await copyFile(source, target);
  }
}

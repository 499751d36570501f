import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTools } from '../../src/lab/host-tools.ts';
import { detectSandbox } from '../../src/lab/sandbox.ts';
import { buildTemplate } from '../../src/lab/template.ts';
import { makeTree, removeTree } from '../../src/lab/tree.ts';

let folder: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(os.tmpdir(), 'vfleet-template-lab-')));
});

afterAll(async () => {
  await removeTree(folder);
});

function busybox(): string | null {
  try {
    return execFileSync('/bin/sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

/** A new folder on another file system; `null`: there is none. */
async function otherFileSystem(than: string): Promise<string | null> {
  const { dev } = await stat(than);
  for (const place of ['/dev/shm', '/var/tmp']) {
    const found = await stat(place).catch(() => null);
    if (found !== null && found.dev !== dev) return mkdtemp(path.join(place, 'vfleet-other-'));
  }
  return null;
}

describe('a template', () => {
  it('holds copies that nobody can write, and trees share them with it only', async () => {
    const template = await buildTemplate(path.join(folder, 'plain'));
    const tree = path.join(folder, 'tree');
    await makeTree(template, tree);
    for (const file of template.files) {
      const [inTemplate, inTree] = await Promise.all([template.folder, tree].map((at) => stat(path.join(at, file))));
      expect(inTemplate?.mode).toBe(0o100555);
      expect(inTree?.ino).toBe(inTemplate?.ino);
    }
    await writeFile(path.join(tree, 'etc/passwd'), '');
    expect(await readFile('/etc/passwd', 'utf8')).not.toBe('');
  });

  it('is copied where hard links cannot be made', async ({ skip }) => {
    const template = await buildTemplate(path.join(folder, 'gone'));
    const elsewhere = await otherFileSystem(folder);
    if (elsewhere === null) return skip('one file system');
    await makeTree(template, elsewhere);
    const [file = ''] = template.files;
    expect(await readFile(path.join(elsewhere, file))).toEqual(await readFile(path.join(template.folder, file)));
    await rm(elsewhere, { recursive: true });
  });

  const program = busybox();
  it.skipIf(program === null)('of a machine whose tools are all one busybox gives nodes that run', async () => {
    const tools = path.join(folder, 'tools');
    await mkdir(tools);
    await copyFile(program ?? '', path.join(tools, 'busybox'));
    const applets = execFileSync(program ?? '', ['--list'], { encoding: 'utf8' })
      .trim()
      .split('\n');
    for (const name of applets) await symlink('busybox', path.join(tools, name)).catch(() => {});
    const template = await buildTemplate(path.join(folder, 'busybox'), [tools, '/usr/bin', '/bin']);
    const programs = await readdir(path.join(template.folder, 'usr/bin'), { withFileTypes: true });
    const isLink = (name: string) => programs.find((entry) => entry.name === name)?.isSymbolicLink();
    expect(['busybox', 'sh', 'cat', 'awk', 'find'].map(isLink)).toEqual([false, true, true, true, true]);
    expect(isLink('reboot')).toBe(undefined);
    const tree = path.join(folder, 'busybox-tree');
    await makeTree(template, tree);
    await expect(detectSandbox(tree)).resolves.toMatchObject({ strategy: expect.any(String) });
  });

  it('names each tool that is missing, with its package', async () => {
    const empty = path.join(folder, 'empty');
    await mkdir(empty);
    const found = findTools([empty]);
    await expect(found).rejects.toMatchObject({
      code: 'lab.tool-missing',
      message: expect.stringMatching(
        /no sh \(package dash\), cat \(package coreutils\).*flock \(package util-linux\).*install/,
      ),
    });
  });
});

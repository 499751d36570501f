import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLab, type StoredLab, writeLab } from '../../../src/lab/vm/lab-file.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const node = { name: 'n1', rack: 'r1', kind: 'debian-12-intel-bios', port: 12345, memory: 1024 };
const lab: StoredLab = {
  version: 1,
  accelerator: 'tcg',
  operatorKey: 'ssh-ed25519 AAAA vfleet-lab',
  nodes: [{ ...node, vars: { site: 'lab', deep: [1, { a: null }] }, hostKey: 'ssh-ed25519 BBBB n1' }],
};

async function folderWith(text: string): Promise<string> {
  const folder = temporaryFolder('lab-file');
  await writeFile(join(folder, 'lab.json'), text);
  return folder;
}

describe("a lab's file", () => {
  it('gives back all that was written, also over an older one', async () => {
    const folder = temporaryFolder('lab-file');
    await writeLab(folder, { ...lab, nodes: [] });
    await writeLab(folder, lab);
    expect(await readLab(folder)).toEqual(lab);
  });

  it('that is not there is no lab', async () => {
    expect(await readLab(temporaryFolder('lab-file'))).toBeNull();
    expect(await readLab('/nonexistent')).toBeNull();
  });

  it.each([
    ['of a newer vfleet', JSON.stringify({ ...lab, version: 2, more: true }), 'found version 2'],
    ['cut off', JSON.stringify(lab).slice(0, -5), 'found something else'],
    ['of something else', '[]', 'found something else'],
    ['without its nodes', JSON.stringify({ ...lab, nodes: undefined }), 'found nodes: '],
    [
      'with a node without a port',
      JSON.stringify({ ...lab, nodes: [{ ...lab.nodes[0], port: null }] }),
      'nodes.0.port: ',
    ],
  ])('%s is refused, says what to do, and stays as it is', async (_, text, found) => {
    const folder = await folderWith(text);
    await expect(readLab(folder)).rejects.toMatchObject({
      code: 'lab.vm-file',
      message: expect.stringContaining(found),
      parts: { thing: join(folder, 'lab.json'), expected: 'a lab of version 1', next: expect.stringContaining(folder) },
    });
    expect(await readFile(join(folder, 'lab.json'), 'utf8')).toBe(text);
  });

  it('that cannot be read is not taken for none', async () => {
    const folder = temporaryFolder('lab-file');
    await mkdir(join(folder, 'lab.json'));
    await expect(readLab(folder)).rejects.toMatchObject({ code: 'lab.vm-file' });
  });
});

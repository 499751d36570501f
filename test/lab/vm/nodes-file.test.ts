import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VfleetError } from '../../../src/errors.ts';
import { readNodesFile, usualNodes } from '../../../src/lab/vm/nodes-file.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const folder = temporaryFolder('nodes');

async function read(text: string) {
  const file = join(folder, 'nodes.yaml');
  await writeFile(file, text);
  return readNodesFile(file);
}

/** What is said of a file that is refused, without the folder's name. */
async function refusal(text: string): Promise<string> {
  try {
    await read(text);
  } catch (error) {
    if (error instanceof VfleetError) return error.message.replaceAll(`${folder}/`, '');
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a file of nodes', () => {
  it('names nodes and their kinds; the rest has defaults', async () => {
    const nodes = await read(`
nodes:
  gpu-01: { kind: debian-12-intel-bios }
  gpu-02: { kind: debian-13-amd-uefi, rack: r2, memory: 2048, vars: { site: lab } }
`);
    expect(nodes).toMatchObject([
      { name: 'gpu-01', kind: { name: 'debian-12-intel-bios' }, rack: 'r1', memory: 1024, vars: {} },
      { name: 'gpu-02', kind: { name: 'debian-13-amd-uefi' }, rack: 'r2', memory: 2048, vars: { site: 'lab' } },
    ]);
  });

  it.each([
    ['YAML syntax', 'nodes:\n  a: [', /^nodes\.yaml:2:\d+: expected YAML, found .*; next: correct the file$/],
    ['an alias of nothing', 'nodes: *gone', /^nodes\.yaml: expected YAML, found .*alias.*gone/],
    ['a name twice', 'nodes:\n  a: { kind: x }\n  a: { kind: x }', /^nodes\.yaml:3:3: expected YAML, found .*unique/],
    ['nothing', '', /^nodes\.yaml:1:1 the file: /],
    ['no nodes', 'nodes: {}', /^nodes\.yaml:1:1 nodes: at least one node; next: correct the file$/],
    ['nodes as a list', 'nodes:\n  - a', /^nodes\.yaml:1:1 nodes: /],
    [
      'an unknown key of a node',
      'nodes:\n  a:\n    kind: debian-12-vtd-off\n    memroy: 2048',
      /^nodes\.yaml:4:5 nodes\.a\.memroy: unknown key, did you mean "memory"\?; next: correct the file$/,
    ],
    ['an unknown key of the file', 'nodse: {}', /nodes\.yaml:1:1 nodse: unknown key, did you mean "nodes"\?/],
    [
      'a name that no host can have',
      'nodes:\n  GPU_1: { kind: debian-12-vtd-off }',
      /^nodes\.yaml:2:3 nodes\.GPU_1: expected a host name: lower-case letters, digits and -; next: /,
    ],
    ['no kind', 'nodes:\n  a: {}', /^nodes\.yaml:2:3 nodes\.a\.kind: expected the name of a kind, found none/],
    [
      'a kind that is none',
      'nodes:\n  a:\n    kind: debian-12-intel-boot',
      /^nodes\.yaml:3:5 nodes\.a\.kind: no kind of node debian-12-intel-boot, did you mean "debian-12-intel-\w+"\?/,
    ],
    [
      'too little memory',
      'nodes:\n  a: { kind: debian-12-vtd-off, memory: 256 }',
      /^nodes\.yaml:2:33 nodes\.a\.memory: expected at least 512 MiB, found 256; next: correct the file$/,
    ],
    [
      'more memory than any machine has',
      'nodes:\n  a: { kind: debian-12-vtd-off, memory: 1048576 }',
      /nodes\.a\.memory: expected at most 65536 MiB, found 1048576/,
    ],
    [
      'memory with a unit',
      'nodes:\n  a: { kind: debian-12-vtd-off, memory: 2G }',
      /nodes\.a\.memory: expected a number of MiB, found "2G"/,
    ],
    [
      'a rack that is every host',
      'nodes:\n  a: { kind: debian-12-vtd-off, rack: all }',
      /^nodes\.yaml:2:33 nodes\.a\.rack: expected .*not all or ungrouped, found "all"/,
    ],
    [
      'a variable that would undo the log-in',
      'nodes:\n  a: { kind: debian-12-vtd-off, vars: { ansible_port: 22 } }',
      /^nodes\.yaml:2:41 nodes\.a\.vars\.ansible_port: the lab itself says how its nodes are reached/,
    ],
  ])('with %s is refused, with place, value and remedy', async (_, text, expected) => {
    expect(await refusal(text)).toMatch(expected);
  });

  it('has all its problems told at once', async () => {
    const said = await refusal('nodes:\n  a: { kind: solaris }\n  b: { kind: aix }');
    expect(said).toMatch(/^nodes\.yaml:2:8 .*solaris.*\nnodes\.yaml:3:8 .*aix/);
  });

  it.each([
    ['that is not there', 'none.yaml', /none\.yaml: expected a file of nodes, found no such file/],
    ['that is a folder', '.', /expected a file of nodes, found it is a folder/],
  ])('%s is named, with what to do', async (_, name, expected) => {
    await expect(readNodesFile(join(folder, name))).rejects.toMatchObject({
      code: 'lab.vm-nodes',
      message: expect.stringMatching(expected),
    });
  });
});

describe('the nodes by default', () => {
  it('are an Intel and an AMD one, of either firmware, and one to be refused', () => {
    const features = usualNodes.map(({ kind: { vendor, iommu, recipe } }) => [vendor, iommu, recipe.firmware]);
    expect(features).toEqual([
      ['intel', true, 'bios'],
      ['amd', true, 'uefi'],
      ['intel', false, 'bios'],
    ]);
    expect(new Set(usualNodes.map(({ name }) => name)).size).toBe(usualNodes.length);
  });
});

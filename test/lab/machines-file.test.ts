import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import { defaultMachines } from '../../src/lab/default-machines.ts';
import { builtinMachineKinds } from '../../src/lab/machine-kind.ts';
import { readMachinesFile } from '../../src/lab/machines-file.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'vfleet-machines-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function read(text: string) {
  const file = path.join(folder, 'machines.yaml');
  await writeFile(file, text);
  return readMachinesFile(file);
}

async function errorOf(text: string): Promise<string> {
  try {
    await read(text);
  } catch (error) {
    if (error instanceof VfleetError) return error.message.replaceAll(`${folder}/`, '');
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a machines file', () => {
  it('plans racks of nodes with names, faults and variables', async () => {
    const plans = await read(`
racks:
  r1:
    - { kind: debian-12-intel, count: 2 }
    - { kind: debian-13-amd, faults: { neverReturns: true } }
  r2:
    - kind: centos-7-intel
      names: gpu[08:10]
      vars: { gpu: true }
`);
    expect(plans.map(({ name, rack, kind }) => [name, rack, 'name' in kind && kind.name])).toEqual([
      ['r1-n01', 'r1', 'debian-12-intel'],
      ['r1-n02', 'r1', 'debian-12-intel'],
      ['r1-n03', 'r1', 'debian-13-amd'],
      ['gpu08', 'r2', 'centos-7-intel'],
      ['gpu09', 'r2', 'centos-7-intel'],
      ['gpu10', 'r2', 'centos-7-intel'],
    ]);
    expect(plans[0]).not.toHaveProperty('faults');
    expect(plans[2]?.faults).toEqual({ neverReturns: true });
    expect(plans[5]?.vars).toEqual({ gpu: true });
  });

  it('takes the path of a folder as a kind, relative to the file', async () => {
    const [builtin] = await builtinMachineKinds();
    const relative = path.relative(folder, builtin?.folder ?? '');
    const [plan] = await read(`racks: { r1: [{ kind: ${relative} }] }`);
    expect(plan?.kind).toEqual(builtin);
    expect(await errorOf('racks: { r1: [{ kind: ./nothing }] }')).toMatch(/nothing\/machine.json/);
  });

  it.each([
    ['racks:\n  r1: [', /^machines\.yaml:2:\d+: expected YAML/],
    [
      'racks:\n  r1:\n    - { kind: debian-12-intel, cuont: 2 }',
      /^machines\.yaml:3:32 racks\.r1\.0\.cuont: unknown key, did you mean "count"\?/,
    ],
    ['racks:\n  r1:\n    - { kind: debian-12-intel, count: 0 }', /^machines\.yaml:3:32 racks\.r1\.0\.count: /],
    ['rakcs: {}', /machines\.yaml:1:1 rakcs: unknown key, did you mean "racks"\?/],
    ['', /^machines\.yaml:1:1 the file: /],
    ['racks:\n  r1: []', /^machines\.yaml:2:3 racks\.r1: /],
    [
      'racks:\n  r1:\n    - kind: debian-12-intle',
      /^machines\.yaml:3:7 racks\.r1\.0\.kind: no machine kind debian-12-intle, did you mean "debian-12-intel"\?/,
    ],
    ['racks:\n  r1:\n    - kind: solaris', /no machine kind solaris; there are .*debian-12-vtd-off/],
    [
      'racks:\n  r1:\n    - kind: debian-12-intel\n      names: n[3:1]',
      /^machines\.yaml:4:7 racks\.r1\.0\.names: expected a range that counts up/,
    ],
    [
      'racks:\n  r1:\n    - kind: debian-12-intel\n      names: n[1:3]\n      count: 2',
      /^machines\.yaml:4:7 .*expected 2 names, as count says, found 3/,
    ],
    [
      'racks:\n  r1:\n    - { kind: debian-12-intel, names: x }\n  r2:\n    - { kind: debian-12-intel, names: x }',
      /^machines\.yaml:5:7 racks\.r2\.0: node x is there already, from .*machines\.yaml:3:7/,
    ],
    [
      'racks:\n  r1:\n    - kind: debian-12-intel\n      faults:\n        readonly: true',
      /^machines\.yaml:5:9 racks\.r1\.0\.faults\.readonly: unknown key, did you mean "readOnly"\?/,
    ],
    [
      'racks:\n  r1:\n    - kind: debian-12-intel\n      faults: { fullDisk: [/etc/../..] }',
      /^machines\.yaml:4:28 racks\.r1\.0\.faults\.fullDisk/,
    ],
    [
      'racks:\n  r1:\n    - kind: debian-12-intel\n      faults: { fullDisk: [/run/x] }',
      /racks\.r1\.0\.faults\.fullDisk/,
    ],
  ])('is refused with its place: %j', async (text, expected) => {
    expect(await errorOf(text)).toMatch(expected);
  });

  it('tells every problem at once', async () => {
    const message = await errorOf('racks:\n  r1:\n    - { kind: x, count: 1 }\n    - { kind: y, count: 1 }');
    expect(message.split('\n')).toHaveLength(2);
  });

  it('that is not there is named', async () => {
    await expect(readMachinesFile('/nonexistent/x.yaml')).rejects.toMatchObject({
      code: 'lab.machines',
      message: expect.stringContaining('/nonexistent/x.yaml'),
    });
  });
});

describe('the machines by default', () => {
  it('are 4 racks of 6 of the six common kinds, one of them with VT-d off', async () => {
    const plans = await defaultMachines();
    const racks = new Map<string, number>();
    for (const { rack } of plans) racks.set(rack, (racks.get(rack) ?? 0) + 1);
    expect([...racks.values()]).toEqual([6, 6, 6, 6]);
    expect(new Set(plans.map((plan) => plan.name)).size).toBe(24);
    const kinds = plans.map(({ kind }) => ('name' in kind ? kind.name : ''));
    expect(kinds.filter((kind) => kind === 'debian-12-vtd-off')).toHaveLength(1);
    expect(new Set(kinds).size).toBe(6);
  });
});

import { access, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Started, start, vfleet } from './program.ts';
import { environmentOf, makeFolder } from './racks.ts';

let folder: string;
beforeAll(async () => {
  folder = await makeFolder();
  await writeFile(
    path.join(folder, 'machines.yaml'),
    'racks:\n  r7:\n    - { kind: debian-13-amd, names: "gpu[1:2]" }\n',
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const surroundings = () => ({ cwd: folder, env: environmentOf(folder) });

/** Starts a lab; gives it with the inventory that it printed. */
async function up(...args: readonly string[]): Promise<{ run: Started; inventory: string }> {
  const run = await start(['lab', 'up', ...args], surroundings());
  await run.said(/^Ctrl-C ends the lab\.$/m);
  expect(run.seen.stderr).toMatch(/^2 nodes are up\ntry: vfleet plan passthrough -i (?<path>\/.+)\nCtrl-C/);
  const [, inventory = ''] = /^inventory: (.+)\n$/.exec(run.seen.stdout) ?? [];
  return { run, inventory };
}

/** Processes that have their root or their working folder below a folder. */
async function processesIn(below: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(
    pids.flatMap((pid) => ['root', 'cwd'].map((link) => readlink(`/proc/${pid}/${link}`).catch(() => ''))),
  );
  return places.filter((place) => place.startsWith(below));
}

describe('vfleet lab up', () => {
  it.each([
    ['SIGINT', 'a folder of its own', []],
    ['SIGTERM', 'a folder that was named', ['--directory', 'lab']],
  ] as const)('gives racks that can be worked on; %s leaves no process and no file in %s', async (signal, _, where) => {
    const { run, inventory } = await up('--machines', 'machines.yaml', '--boot-ms', '100', ...where);
    const { code, stdout } = await vfleet(['facts', '-i', inventory, '--json'], surroundings());
    expect(code).toBe(0);
    const found = JSON.parse(stdout).hosts;
    expect(found).toMatchObject([
      { name: 'gpu1', rack: 'r7', facts: { os: { id: 'debian', versionId: '13' }, cpu: { vendor: 'amd' } } },
      { name: 'gpu2', rack: 'r7' },
    ]);
    run.signal(signal);
    const ended = await run.ended;
    expect([ended.code, ended.signal]).toEqual([0, null]);
    await expect(access(path.dirname(inventory))).rejects.toThrow();
    expect(await processesIn(path.dirname(inventory))).toEqual([]);
  });

  it.each([
    ['is not there', null, /none\.yaml: expected a machines file, found no such file or folder; next: name a file/],
    [
      'has an unknown kind',
      'racks:\n  r1:\n    - { kind: debian-12-intle }\n',
      /bad\.yaml:3:\d+ .*did you mean "debian-12-intel"\?/,
    ],
  ])('is bad usage with a machines file that %s', async (_, text, said) => {
    if (text !== null) await writeFile(path.join(folder, 'bad.yaml'), text);
    const { code, stdout, stderr } = await vfleet(
      ['lab', 'up', '--machines', text === null ? 'none.yaml' : 'bad.yaml'],
      surroundings(),
    );
    expect(stderr).toMatch(said);
    expect([code, stdout]).toEqual([64, '']);
  });

  it('does not move into a folder that has something in it', async () => {
    const { code, stderr } = await vfleet(
      ['lab', 'up', '--machines', 'machines.yaml', '--directory', '.'],
      surroundings(),
    );
    expect(stderr).toMatch(/expected an empty folder for the lab/);
    expect(code).toBe(64);
    await access(path.join(folder, 'machines.yaml'));
  });
});

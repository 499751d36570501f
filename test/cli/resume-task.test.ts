import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { journalOf, killAt, motd, type Racks, readOn, replaceOn, startRacks, until } from './racks.ts';

// Runs of undo and restore, gone on with and tried again. Programs are waited for, however long they take on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const names = ['cut', 'asked', 'away', 'near', 'back', 'late'];

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks(names.map((name) => ({ name })));
  await racks.write('motd.ts', motd);
  for (const name of names) await replaceOn(racks.lab.node(name), 'etc/motd', 'before\n');
  const all = names.join(',');
  expect((await racks.vfleet('apply', 'motd.ts', '--yes', '-l', all)).code).toBe(0);
}, 240_000);
afterAll(() => racks?.stop());

/** Each command takes its time: nobody comes to an end before it is killed. */
const slow = { latency: 1_000 };

const at = (name: string): Promise<string> => readOn(racks.lab.node(name), 'etc/motd');
const runOf = async (host: string): Promise<string> => path.basename(path.dirname(await journalOf(racks, host)));

describe('undo', () => {
  it('goes on after its controller was killed, with the same playbook on the same hosts', async () => {
    await racks.lab.node('cut').setFaults(slow);
    const run = await racks.start(['undo', 'motd.ts', '--yes', '-l', 'cut']);
    await killAt(racks, run, 'cut', /"command":"undo"[^]*"type":"write-intent","host":"cut"/);
    await racks.lab.node('cut').setFaults({});
    const name = await runOf('cut');
    const ended = await racks.vfleet('resume', '--json');
    expect([ended.code, JSON.parse(ended.stdout)]).toMatchObject([
      0,
      { command: 'undo', run: name, playbook: 'Message of the day', totals: { ok: 1, writes: 1 } },
    ]);
    expect(await at('cut')).toBe('before\n');
    expect((await racks.vfleet('runs', name)).stdout).toMatch(/^undo of Message of the day: 1 host, 1 write in/m);
  });

  it('is tried again on the hosts that did not end well alone', async () => {
    await racks.lab.node('away').setFaults({ refuseLogin: true });
    expect((await racks.vfleet('undo', 'motd.ts', '--yes', '-l', 'away,near')).code).toBe(1);
    await racks.lab.node('away').setFaults({});
    const ended = await racks.vfleet('retry', await runOf('away'), '--json');
    expect([ended.code, JSON.parse(ended.stdout)]).toMatchObject([
      0,
      { command: 'undo', playbook: 'Message of the day', hosts: [{ name: 'away', state: 'ok', writes: 1 }] },
    ]);
    expect([await at('away'), await at('near')]).toEqual(['before\n', 'before\n']);
  });

  const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
  it.skipIf(!hasScript)(
    `that was agreed to is done as it was shown, also when its write was made before its controller was killed${
      hasScript ? '' : ' (SKIPPED: script of util-linux is not here)'
    }`,
    async () => {
      await racks.lab.node('asked').setFaults(slow);
      const run = await racks.start(['undo', 'motd.ts', '-l', 'asked', '--no-color'], { terminal: true });
      await run.said(/Undo it on 1 host\? \[y\/N\] /, 'stdout');
      run.type('y\n');
      await until(racks, 'asked', /"command":"undo"[^]*"type":"written","host":"asked"/);
      const lock = path.join(path.dirname(await journalOf(racks, 'asked')), 'lock.json');
      process.kill(JSON.parse(await readFile(lock, 'utf8')).pid, 'SIGKILL');
      await run.ended;
      await racks.lab.node('asked').setFaults({});
      const ended = await racks.vfleet('resume', await runOf('asked'), '--json');
      expect([ended.code, JSON.parse(ended.stdout)]).toMatchObject([
        0,
        { command: 'undo', hosts: [{ state: 'ok', failure: null, writes: 1 }] },
      ]);
      expect(await at('asked')).toBe('before\n');
    },
  );
});

describe('restore', () => {
  const kept = async (name: string): Promise<string> => {
    const { stdout } = await racks.vfleet('backups', name, '--json');
    return JSON.parse(stdout).hosts[0].backups[0].run;
  };

  it('goes on after its controller was killed, with the backups of the same run', async () => {
    const backup = await kept('back');
    await racks.lab.node('back').setFaults(slow);
    const run = await racks.start(['restore', backup, '--yes', '-l', 'back']);
    await killAt(racks, run, 'back', /"command":"restore"[^]*"host-started","host":"back"/);
    await racks.lab.node('back').setFaults({});
    const ended = await racks.vfleet('resume', '--json');
    expect([ended.code, JSON.parse(ended.stdout)]).toMatchObject([
      0,
      { command: 'restore', totals: { ok: 1, writes: 1 } },
    ]);
    expect(await at('back')).toBe('before\n');
  });

  it('is tried again on the hosts that did not end well alone, and the next command names the backups', async () => {
    const backup = await kept('late');
    await racks.lab.node('late').setFaults({ refuseLogin: true });
    const first = await racks.vfleet('restore', backup, '--yes', '-l', 'late');
    expect([first.code, first.stdout]).toEqual([1, expect.stringContaining(`next: vfleet restore ${backup} `)]);
    const name = await runOf('late');
    const again = await racks.vfleet('retry', name);
    expect([again.code, again.stdout]).toEqual([1, expect.stringContaining(`next: vfleet restore ${backup} `)]);
    await racks.lab.node('late').setFaults({});
    const ended = await racks.vfleet('retry', name, '--json');
    expect([ended.code, JSON.parse(ended.stdout).totals]).toMatchObject([0, { ok: 1, writes: 1 }]);
    expect(await at('late')).toBe('before\n');
  });
});

it('runs are listed as a table: the newest first, with command, playbook, hosts by state, and how each stands', async () => {
  const { code, stdout, stderr } = await racks.vfleet('runs', '--last', '2');
  const [head, newest, before, ...more] = stdout.trimEnd().split('\n');
  expect(head?.trim().split(/ {2,}/)).toEqual(['run', 'command', 'playbook', 'hosts', 'standing']);
  const [name = '', ...cells] = newest?.split(/ {2,}/) ?? [];
  expect(name).toMatch(/^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-[0-9a-f]+$/);
  expect(cells).toEqual(['restore', '-', '1: 1 ok', 'finished']);
  expect(before?.split(/ {2,}/).slice(1)).toEqual(['restore', '-', '1: 1 unreachable', 'finished']);
  expect([more, code]).toEqual([[], 0]);
  expect(stderr).toMatch(/^\d+ older; all of them with --last \d+$/m);
  const all = (await racks.vfleet('runs')).stdout;
  expect(all).toMatch(/^\S+ +undo +Message of the day +1: 1 ok +finished \(part 2\)$/m);
  expect(all).toMatch(/^\S+ +undo +Message of the day +2: 1 ok, 1 unreachable +finished$/m);
});

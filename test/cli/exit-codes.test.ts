import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { motd, type Racks, readOn, startRacks } from './racks.ts';

const secret = 'hunter2-of-the-lab';

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks([
    { name: 'new', rack: 'a' },
    { name: 'done', rack: 'a' },
    { name: 'off', rack: 'a', kind: 'debian-12-vtd-off' },
    { name: 'locked', rack: 'b', faults: { refuseLogin: true } },
    { name: 'guarded', rack: 'b', vars: { ansible_become_password: secret } },
  ]);
  await racks.write('motd.ts', motd);
  const { code } = await racks.vfleet('apply', 'motd.ts', '--yes', '-l', 'done');
  expect(code).toBe(0);
}, 600_000);
afterAll(() => racks?.stop());

describe.concurrent('exit codes', () => {
  it.each([
    ['changes are pending', ['plan', 'motd.ts', '-l', 'new,done'], 2],
    ['nothing is to be done', ['plan', 'motd.ts', '-l', 'done'], 0],
    ['a host is refused', ['plan', 'passthrough', '-l', 'off'], 3],
    ['one is refused and others have changes', ['plan', 'passthrough', '-l', 'rack:a'], 3],
    ['a host does not let us in', ['plan', 'motd.ts', '-l', 'locked,new'], 1],
    ['one failed and one is refused', ['plan', 'passthrough', '-l', 'locked,off'], 1],
    ['nothing was left to do', ['apply', 'motd.ts', '--yes', '-l', 'done'], 0],
    ['facts cannot be read', ['facts', '-l', 'locked'], 1],
  ])('when %s', async (_, args, expected) => {
    const { code, signal } = await racks.vfleet(...args);
    expect([code, signal]).toEqual([expected, null]);
  });
});

describe.concurrent('--json', () => {
  const document = [
    ...['version', 'command', 'dryRun', 'run', 'playbook', 'startedAt', 'endedAt', 'durationSeconds', 'interrupted'],
    ...['halted', 'rollout'],
  ];
  it.each([
    ['plan', ['plan', 'passthrough', '-l', 'new,off'], 3],
    ['apply', ['apply', 'motd.ts', '--yes', '-l', 'done,locked'], 1],
    ['verify', ['verify', 'passthrough', '-l', 'new'], 1],
    ['facts', ['facts', '-l', 'new'], 0],
  ])('of %s is one document on standard output, progress is on standard error', async (command, args, exit) => {
    const { code, stdout, stderr } = await racks.vfleet(...args, '--json');
    expect(code).toBe(exit);
    const found = JSON.parse(stdout);
    expect(Object.keys(found)).toEqual([...document, 'exitCode', 'totals', 'hosts', 'warnings']);
    expect(found).toMatchObject({ version: 1, command, exitCode: code, interrupted: false });
    expect(Object.keys(found.hosts[0])).toEqual([
      ...['name', 'rack', 'state', 'failure', 'startedAt', 'endedAt', 'phases', 'gates', 'checks', 'plan', 'written'],
      ...['settled', 'writes', 'reboots', 'warnings', 'leftovers', 'facts', 'rebootDue', 'drained'],
      ...['powerCycled', 'backups', 'oldBackups'],
    ]);
    for (const host of found.hosts) expect(stderr).toContain(`${host.name}: ${host.state}`);
    expect(found.hosts[0].facts === null).toBe(command !== 'facts');
    expect(found.hosts[0].plan === null).toBe(command !== 'plan');
  });

  it('of inventory tells where each value comes from', async () => {
    const { code, stdout, stderr } = await racks.vfleet('inventory', '-l', 'new', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ version: 1, source: racks.lab.inventoryPath });
    expect(found.hosts).toHaveLength(1);
    expect(found.hosts[0].values).toContainEqual(
      expect.objectContaining({ name: 'ssh.user', value: 'root', scope: 'host new' }),
    );
  });

  it('leaves standard output empty when nothing was begun', async () => {
    const { code, stdout } = await racks.vfleet('plan', 'motd.ts', '-l', 'nobody', '--json');
    expect([code, stdout]).toEqual([64, '']);
  });
});

it('many hosts at once are no reason for a warning of Node', async () => {
  // Fifteen names of one node: more than the ten listeners at which Node warns.
  const text = await readFile(racks.lab.inventoryPath, 'utf8');
  const [block = ''] = /^ +new:\n(?: {10,}.*\n)+/m.exec(text) ?? [];
  const aliases = Array.from({ length: 15 }, (_, index) => block.replace('new:', `alias${index}:`));
  await racks.write('many.yaml', `all:\n  hosts:\n${aliases.join('')}`);
  const { code, stdout } = await racks.vfleet('plan', 'motd.ts', '-i', 'many.yaml', '-p', '15', '--json');
  expect(JSON.parse(stdout).totals).toMatchObject({ hosts: 15, ok: 15 });
  expect(code).toBe(2);
});

describe('without an answer', () => {
  it('apply without --yes and without a terminal is bad usage, and nobody is even asked', async () => {
    const before = racks.lab.node('new').counters.connections;
    const { code, stderr } = await racks.vfleet('apply', 'motd.ts', '-l', 'new');
    expect(code).toBe(64);
    expect(stderr).toMatch(/no terminal to answer at.*`vfleet plan`, then give --yes/);
    expect(racks.lab.node('new').counters.connections).toBe(before);
  });
});

describe('what is kept and shown', () => {
  it('the journal of a run is private, every line parses, and no secret is anywhere', async () => {
    const plan = path.join(racks.folder, 'guarded.plan');
    const runs = [
      await racks.vfleet('plan', 'passthrough', '-l', 'guarded', '-v', '--out', plan),
      await racks.vfleet('facts', '-l', 'guarded', '--json'),
      await racks.vfleet('inventory', 'guarded'),
      await racks.vfleet('inventory', '--json'),
    ];
    expect(runs[2]?.stdout).toMatch(/ssh\.elevatePassword +\*{8}/);
    for (const { stdout, stderr } of runs) expect(stdout + stderr).not.toContain(secret);
    expect(await readFile(plan, 'utf8')).not.toContain(secret);
    expect((await stat(plan)).mode & 0o777).toBe(0o600);

    const folder = path.join(racks.folder, 'state/vfleet/runs');
    const names = await readdir(folder);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const file = path.join(folder, name, 'journal.jsonl');
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect((await stat(path.dirname(file))).mode & 0o777).toBe(0o700);
      const text = await readFile(file, 'utf8');
      const types = text
        .trimEnd()
        .split('\n')
        .map((line): unknown => JSON.parse(line).type);
      expect(types.slice(1)).toContain('run-started');
      expect(types.at(-1)).toBe('run-ended');
      expect(text).not.toContain(secret);
    }
  });

  it('a secret given with -e is not repeated in what to run next', async () => {
    const { stdout } = await racks.vfleet(
      'plan',
      'motd.ts',
      '-l',
      'new',
      '-e',
      `bmc_password=${secret}`,
      '-e',
      'message=Hi',
    );
    expect(stdout).toMatch(/^next: vfleet apply motd\.ts -e bmc_password=… -e message=Hi -l new {3}#/m);
  });

  it('what to run next is never about more hosts than were chosen', async () => {
    const { stdout } = await racks.vfleet('apply', 'motd.ts', '--yes', '-l', 'rack:a:!off:!new');
    expect(stdout).toMatch(/^next: vfleet verify motd\.ts -l 'rack:a:!off:!new' {3}#/m);
  });

  it('text of a host is shown, never obeyed', async () => {
    const node = racks.lab.node('new');
    const file = path.join(node.root, 'etc/motd');
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, 'old \x1b]0;title\x07\x1b[2J\u202e text\n');
    const plan = await racks.vfleet('plan', 'motd.ts', '-l', 'new', '--color');
    expect(plan.stdout).toContain('-old \\x1b]0;title\\x07\\x1b[2J\\u{202e} text');
    // Only colours are left of what a terminal obeys.
    expect(plan.stdout.replace(/\x1b\[\d+m/g, '')).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
    const { stdout } = await racks.vfleet('plan', 'motd.ts', '-l', 'new', '--json');
    expect(stdout).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
    expect(JSON.parse(stdout).hosts[0].plan.changes[0].diffs[0]).toContain('\x1b[2J');
  });

  it('apply did what plan showed', async () => {
    expect(await readOn(racks.lab.node('done'), 'etc/motd')).toBe('Welcome to done\n');
  });
});

import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readJournal } from '../../src/events/read-journal.ts';
import type { Ended } from './program.ts';
import { journalOf, killAt, motd, type Racks, readOn, runFolders, startRacks } from './racks.ts';

const names = [
  'boots',
  'writes',
  'early',
  'torn',
  'twice',
  'edited',
  'secret',
  'b1',
  'b2',
  'b3',
  'stopped',
  'planned',
  'away',
];

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks(names.map((name) => ({ name })));
  await racks.write('motd.ts', motd);
}, 600_000);
afterAll(() => racks?.stop());

interface Found {
  readonly exitCode: number;
  readonly totals: Readonly<Record<string, number>>;
  readonly hosts: readonly { readonly name: string; readonly state: string | null }[];
}

function documentOf({ stdout, stderr }: Ended): Found {
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout);
}

async function standingOf(run: string): Promise<{ readonly standing: string; readonly parts: number }> {
  const { stdout } = await racks.vfleet('runs', '--json', '--last', '99');
  const found: readonly { run: string; standing: string; parts: number }[] = JSON.parse(stdout).runs;
  const one = found.find((each) => each.run === run);
  if (one === undefined) throw new Error(`no run ${run}`);
  return one;
}

describe('after the controller was killed', () => {
  it('in a reboot, resume proves that reboot, counts it, and makes no other', async () => {
    const node = racks.lab.node('boots');
    const run = await racks.start(['apply', 'passthrough', '--yes', '-l', 'boots']);
    await node.until('booting');
    run.signal('SIGKILL');
    await run.ended;
    await node.until('up');
    const name = path.basename(path.dirname(await journalOf(racks, 'boots')));
    expect(await standingOf(name)).toMatchObject({ standing: 'crashed', parts: 1 });
    const ended = await racks.vfleet('resume', '--json');
    expect(documentOf(ended)).toMatchObject({
      run: name,
      exitCode: 0,
      totals: { ok: 1, notEnded: 0, writes: 1, reboots: 1 },
    });
    expect(node.counters.reboots).toBe(1);
    expect(await readOn(node, 'proc/cmdline')).toContain('iommu=pt');
    expect(await standingOf(name)).toMatchObject({ standing: 'finished', parts: 2 });
    // Once more there is nothing to go on with.
    const again = await racks.vfleet('resume', name);
    expect(again.code).toBe(3);
    expect(again.stderr).toMatch(/expected a host that has not come to its end, found none: all have ended well/);
  });

  it.each([
    ['while it writes', 'writes', /"write-intent","host":"writes"/],
    ['before the first write', 'early', /"host-started","host":"early"/],
  ])('%s, resume does the rest with one reboot', async (_, host, said) => {
    const node = racks.lab.node(host);
    const run = await racks.start(['apply', 'passthrough', '--yes', '-l', host]);
    await killAt(racks, run, host, said);
    const ended = await racks.vfleet('resume', '--json');
    expect(documentOf(ended)).toMatchObject({ exitCode: 0, totals: { ok: 1, writes: 1, reboots: 1 } });
    expect(node.counters.reboots).toBe(1);
    const again = await racks.vfleet('apply', 'passthrough', '--yes', '--json', '-l', host);
    expect(documentOf(again)).toMatchObject({ exitCode: 0, totals: { writes: 0, reboots: 0 } });
  });

  it('in a reboot from which the host does not come back, resume cycles its power where that is configured', async () => {
    const node = racks.lab.node('away');
    const calls = path.join(racks.folder, 'calls');
    const power = { command: ['sh', '-c', `echo "$0" >>${calls}`, '{{outlet}}'] };
    const vars = JSON.stringify({ power, outlet: 'seven' });
    await node.setFaults({ neverReturns: true });
    const deadline = ['--reboot-deadline', '0.1'];
    const run = await racks.start(['apply', 'passthrough', '--yes', '-l', 'away', '-e', vars, ...deadline]);
    await killAt(racks, run, 'away', /"host":"away","line":"not back yet/);
    const resumed = await racks.start(['resume', '--json']);
    await Promise.race([resumed.ended, vi.waitUntil(() => readFile(calls).catch(() => null), { timeout: 50_000 })]);
    await node.setFaults({});
    await node.powerOn();
    const ended = documentOf(await resumed.ended);
    expect(ended).toMatchObject({ exitCode: 0, totals: { ok: 1, reboots: 1 }, hosts: [{ powerCycled: true }] });
    expect(await readFile(calls, 'utf8')).toBe('seven\n');
  });

  it('in the middle of a line, resume cuts that off and goes on with a journal that can be read', async () => {
    const run = await racks.start(['apply', 'motd.ts', '--yes', '-l', 'torn']);
    await killAt(racks, run, 'torn', /"host-started"/);
    const file = await journalOf(racks, 'torn');
    await appendFile(file, '{"at":"2026-11-23T03:50:00.000Z","type":"host-en');
    expect(await readJournal(file)).toMatchObject({ torn: true });
    const ended = await racks.vfleet('resume', '--json');
    expect(documentOf(ended)).toMatchObject({ exitCode: 0, totals: { ok: 1 } });
    const { events, torn } = await readJournal(file);
    expect(torn).toBe(false);
    expect(events.map(({ type }) => type)).toContain('run-resumed');
    expect(events.at(-1)?.type).toBe('run-ended');
  });

  it('of two resumes at once one goes on, and the other names it', async () => {
    const node = racks.lab.node('twice');
    const run = await racks.start(['apply', 'passthrough', '--yes', '-l', 'twice']);
    await node.until('booting');
    run.signal('SIGKILL');
    await run.ended;
    const name = path.basename(path.dirname(await journalOf(racks, 'twice')));
    const both = await Promise.all([0, 1].map(() => racks.start(['resume', name, '--json'])));
    const ended = await Promise.all(both.map(({ ended }) => ended));
    expect(ended.map(({ code }) => code).sort()).toEqual([0, 3]);
    const winner = both[ended.findIndex(({ code }) => code === 0)];
    const loser = ended.find(({ code }) => code === 3);
    // Who comes when the other has ended is told that nothing is left.
    expect(loser?.stderr).toMatch(
      new RegExp(
        `expected no other vfleet at work on this run, found process ${winner?.child.pid}|all have ended well`,
      ),
    );
    expect(node.counters.reboots).toBe(1);
  });

  it('resume refuses another playbook, and goes on with it when told so', async () => {
    const file = await racks.write('edited.ts', motd);
    const run = await racks.start(['apply', 'edited.ts', '--yes', '-l', 'edited']);
    await killAt(racks, run, 'edited', /"host-started"/);
    await appendFile(file, '\n// edited\n');
    const { connections } = racks.lab.node('edited').counters;
    const refused = await racks.vfleet('resume');
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/found the playbook, or a file that it uses, has changed; next: .*--anyway/);
    expect(racks.lab.node('edited').counters.connections).toBe(connections);
    const ended = await racks.vfleet('resume', '--anyway', '--json');
    expect(ended.stderr).toContain('warning: not as when the run was started: the playbook');
    expect(documentOf(ended)).toMatchObject({ exitCode: 0, totals: { ok: 1 } });
  });

  it('a secret is in no journal, and resume asks for it', async () => {
    await racks.write('secret.ts', motd.replaceAll('message', 'token'));
    const word = 'correct-horse';
    const run = await racks.start(['apply', 'secret.ts', '--yes', '-l', 'secret', '-e', `token=${word}`]);
    await killAt(racks, run, 'secret', /"host-started"/);
    const file = await journalOf(racks, 'secret');
    const [, started = ''] = (await readFile(file, 'utf8')).split('\n');
    expect(started).toContain('"secrets":["token"]');
    expect(started).not.toContain(word);
    const refused = await racks.vfleet('resume');
    expect(refused.code).toBe(64);
    expect(refused.stderr).toMatch(/-e token: expected its value once more.*next: vfleet resume \S+ -e token=…/);
    const ended = await racks.vfleet('resume', '-e', `token=${word}`, '--json');
    expect(documentOf(ended)).toMatchObject({ exitCode: 0, totals: { ok: 1 } });
    expect(await readOn(racks.lab.node('secret'), 'etc/motd')).toBe(`${word} to secret\n`);
  });
});

describe('a rollout that halted', () => {
  it('goes on with a larger budget, or when the failed hosts are run again', async () => {
    const node = racks.lab.node('b1');
    await node.setFaults({ refuseLogin: true });
    const args = ['apply', 'motd.ts', '--yes', '--json', '-l', 'b1,b2,b3', '-p', '1', '--per-rack', '2'];
    args.push('--max-failures', '0');
    const first = await racks.vfleet(...args);
    expect(first.code).toBe(3);
    expect(documentOf(first).hosts.map(({ state }) => state)).toEqual(['unreachable', 'skipped', 'skipped']);
    const name = path.basename(path.dirname(await journalOf(racks, 'b1')));
    expect(await standingOf(name)).toMatchObject({ standing: 'halted' });
    const refused = await racks.vfleet('resume');
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain(`vfleet resume ${name} --retry-failed`);
    expect(refused.stderr).toContain(`vfleet resume ${name} --max-failures 1`);
    const more = await racks.vfleet('resume', '--max-failures', '1', '--json');
    expect(documentOf(more).hosts.map(({ state }) => state)).toEqual(['unreachable', 'ok', 'ok']);
    expect(more.code).toBe(1);
    await node.setFaults({});
    const again = await racks.vfleet('resume', name, '--retry-failed', '--json');
    expect(documentOf(again)).toMatchObject({ exitCode: 0, totals: { ok: 3, writes: 3 } });
    expect(await standingOf(name)).toMatchObject({ standing: 'finished', parts: 3 });
  });
});

it('a rollout that halted names a command that goes on with it, run as it stands there', async () => {
  await racks.lab.node('b1').setFaults({ refuseLogin: true });
  const first = await racks.vfleet('apply', 'motd.ts', '--yes', '-l', 'b1,b2', '-p', '1', '--max-failures', '0');
  expect(first.code).toBe(3);
  await racks.lab.node('b1').setFaults({});
  const next = /^next: vfleet (.+?) {3}#/m.exec(first.stdout)?.[1] ?? '';
  const ended = await racks.vfleet(...next.split(' '));
  expect(ended.code, first.stdout + ended.stderr).toBe(0);
  expect(ended.stdout).toMatch(/ ok +2 +b\[1-2\]/);
});

it('retry is a new run on those that did not end well alone', async () => {
  await racks.lab.node('b2').setFaults({ refuseLogin: true });
  await racks.vfleet('apply', 'motd.ts', '--yes', '-e', 'message=Hello', '-l', 'b1,b2,b3', '--max-failures', '1');
  await racks.lab.node('b2').setFaults({});
  const name = path.basename(path.dirname(await journalOf(racks, 'b2')));
  const none = await racks.vfleet('retry', name, '--only', 'lost');
  expect(none.stderr).toContain('expected a host that ended as lost, found none');
  const ended = await racks.vfleet('retry', name, '--only', 'unreachable', '--json');
  expect(documentOf(ended)).toMatchObject({ exitCode: 0, hosts: [{ name: 'b2', state: 'ok' }] });
  expect(await readOn(racks.lab.node('b2'), 'etc/motd')).toBe('Hello to b2\n');
});

it('a run that was interrupted goes on where it stopped, and its report can be shown again', async () => {
  const node = racks.lab.node('stopped');
  const run = await racks.start(['apply', 'passthrough', '--yes', '-l', 'stopped']);
  await node.until('booting');
  run.signal('SIGINT');
  // Two signals at once may be one.
  await run.said(/^interrupted: no further/m);
  run.signal('SIGINT');
  await run.ended;
  await node.until('up');
  const first = await racks.vfleet('resume');
  expect(first.stdout).toMatch(/1 write, 1 reboot in/);
  expect(first.code).toBe(0);
  expect(node.counters.reboots).toBe(1);
  const name = path.basename(path.dirname(await journalOf(racks, 'stopped')));
  expect((await racks.vfleet('runs', name)).stdout).toBe(first.stdout);
  // On another machine, with another clock, language and colours asked for elsewhere.
  const elsewhere = await racks.start(['runs', name, '--no-color'], {
    env: { TZ: 'Pacific/Apia', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', FORCE_COLOR: '1', COLUMNS: '40' },
  });
  expect((await elsewhere.ended).stdout).toBe(first.stdout);
});

it('a saved plan is done as it was shown, also by a resume', async () => {
  const node = racks.lab.node('planned');
  await racks.vfleet('plan', 'passthrough', '-l', 'planned', '--out', 'the.plan');
  const run = await racks.start(['apply', 'the.plan', '--yes']);
  await node.until('booting');
  run.signal('SIGKILL');
  await run.ended;
  await node.until('up');
  const ended = await racks.vfleet('resume', '--json');
  expect(documentOf(ended)).toMatchObject({ exitCode: 0, totals: { ok: 1, writes: 1, reboots: 1 } });
  expect(node.counters.reboots).toBe(1);
});

it('old runs are removed, the newest stay', async () => {
  const before = await runFolders(racks);
  const { code, stderr } = await racks.vfleet('runs', '--prune', '2');
  expect([code, stderr]).toEqual([0, `removed ${before.length - 2} runs\n`]);
  expect(await runFolders(racks)).toEqual(before.slice(-2));
});

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { motd, type Racks, readOn, startRacks } from './racks.ts';

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks([
    { name: 'a1', rack: 'a' },
    { name: 'a2', rack: 'a' },
    { name: 'a3', rack: 'a' },
    { name: 'a4', rack: 'a' },
    { name: 'twice', rack: 'b' },
    { name: 'killed', rack: 'b' },
    { name: 'teed', rack: 'b' },
    { name: 'stuck', rack: 'b' },
    { name: 'hung', rack: 'b', faults: { hangCommands: true } },
  ]);
  await racks.write('motd.ts', motd);
}, 600_000);
afterAll(() => racks?.stop());

/** What a run of `apply` with `--json` tells of its hosts, by name. */
function hostsOf(stdout: string): Readonly<Record<string, { state: string; writes: number; reboots: number }>> {
  const hosts: readonly { name: string; state: string; writes: number; reboots: number }[] = JSON.parse(stdout).hosts;
  return Object.fromEntries(hosts.map(({ name, state, writes, reboots }) => [name, { state, writes, reboots }]));
}

async function recordOf(node: LabNode): Promise<{ pending: readonly { kind: string }[]; stamp: string | null }> {
  return JSON.parse(await readOn(node, 'var/lib/vfleet/state.json'));
}

/** Applies again, and expects that the host is done without another write. */
async function goesOn(name: string): Promise<void> {
  const node = racks.lab.node(name);
  await node.until('up');
  const { code, stdout } = await racks.vfleet('apply', 'passthrough', '--yes', '--json', '-l', name);
  // The reboot was the earlier run's.
  expect(hostsOf(stdout)[name]).toEqual({ state: 'ok', writes: 0, reboots: 0 });
  expect(code).toBe(0);
  expect(node.counters.reboots).toBe(1);
  expect(await recordOf(node)).toMatchObject({ pending: [], stamp: null });
  expect(await readOn(node, 'proc/cmdline')).toContain('iommu=pt');
}

describe('one Ctrl-C', () => {
  it('starts no further host, brings those at work to a safe end, and a second run goes on from there', async () => {
    const run = await racks.start(['apply', 'passthrough', '--yes', '--json', '-l', 'rack:a', '-p', '2']);
    await Promise.race([run.said(/^a1: reboot/m), run.said(/^a2: reboot/m)]);
    run.signal('SIGINT');
    const { code, stdout, stderr } = await run.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('interrupted: no further host is started');
    const hosts = hostsOf(stdout);
    expect(hosts['a3']).toEqual({ state: 'skipped', writes: 0, reboots: 0 });
    expect(hosts['a4']).toEqual({ state: 'skipped', writes: 0, reboots: 0 });
    for (const name of ['a3', 'a4']) expect(racks.lab.node(name).counters.connections).toBe(0);
    // Those at work were in a reboot or right before it: they came back, or it is written down that it is due.
    for (const name of ['a1', 'a2']) {
      if (hosts[name]?.state === 'ok') continue;
      expect((await recordOf(racks.lab.node(name))).pending.map(({ kind }) => kind)).toContain('reboot');
    }

    const again = await racks.vfleet('apply', 'passthrough', '--yes', '--json', '-l', 'rack:a');
    expect(again.code).toBe(0);
    for (const name of ['a1', 'a2']) expect(hostsOf(again.stdout)[name]).toMatchObject({ state: 'ok', writes: 0 });
    for (const node of racks.lab.nodes.slice(0, 4)) expect(node.counters.reboots).toBe(1);
  });

  it('before anything was written leaves a host as it was, and the journal whole', async () => {
    const run = await racks.start(['apply', 'motd.ts', '--yes', '--json', '-l', 'hung', '--connect-timeout', '2']);
    await run.said(/^apply: 1 host/m);
    run.signal('SIGTERM');
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ interrupted: true, exitCode: 130, hosts: [{ name: 'hung', writes: 0 }] });
    const journal = await readFile(path.join(racks.folder, 'state/vfleet/runs', found.run, 'journal.jsonl'), 'utf8');
    const last = journal
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
      .at(-1);
    expect(last).toMatchObject({ type: 'run-ended', interrupted: true });
  });
});

it('two Ctrl-C while a reboot is awaited stop waiting; the host goes on, and a second run finds it done', async () => {
  const node = racks.lab.node('twice');
  const run = await racks.start(['apply', 'passthrough', '--yes', '--json', '-l', 'twice']);
  await node.until('booting');
  run.signal('SIGINT');
  await run.said(/^interrupted: no further/m);
  run.signal('SIGINT');
  const { code, stdout, stderr } = await run.ended;
  expect(code).toBe(130);
  expect(stderr).toMatch(/interrupted again: not waiting any longer/);
  expect(stderr).toMatch(/^twice: failed .*interrupted while it rebooted.*run `vfleet apply` again: it goes on/m);
  expect(hostsOf(stdout)['twice']).toEqual({ state: 'failed', writes: 1, reboots: 1 });
  await goesOn('twice');
});

it('a reader of the progress that dies by the same Ctrl-C makes no second one of it: the host comes to its safe end', async () => {
  const node = racks.lab.node('teed');
  const run = await racks.start(['apply', 'passthrough', '--yes', '-l', 'teed']);
  await node.until('booting');
  // As `2>&1 | tee` does; its end may be noticed before the signal, or after it.
  run.child.stderr.destroy();
  run.child.stdout.destroy();
  run.signal('SIGINT');
  expect((await run.ended).code).toBe(130);
  expect(await recordOf(node)).toMatchObject({ pending: [], stamp: null });
});

it('two Ctrl-C end a run whose playbook never comes to an end, once the other hosts have', async () => {
  await racks.write(
    'stuck.ts',
    `import { file, playbook } from 'vfleet';
export default playbook({
  name: 'Stuck',
  async apply(host) {
    await host.ensure(file('/etc/motd', 'x\\n'));
    if (host.name !== 'stuck') return;
    console.error('this one waits');
    await new Promise(() => setInterval(() => {}, 1000));
  },
});
`,
  );
  const run = await racks.start(['apply', 'stuck.ts', '--yes', '--json', '-l', 'stuck,teed']);
  await Promise.all([run.said(/^teed: ok/m), run.said(/^this one waits/m)]);
  run.signal('SIGINT');
  await run.said(/^interrupted: no further/m);
  run.signal('SIGINT');
  const { code, stdout, stderr } = await run.ended;
  expect(code).toBe(130);
  expect(stderr).toMatch(/^stuck: failed .*apply\(\).*waits for something of its own/m);
  expect(hostsOf(stdout)).toEqual({
    stuck: { state: 'failed', writes: 1, reboots: 0 },
    teed: { state: 'ok', writes: 1, reboots: 0 },
  });
});

it('a controller killed after the request to reboot costs no extra reboot and no second write', async () => {
  const node = racks.lab.node('killed');
  const run = await racks.start(['apply', 'passthrough', '--yes', '-l', 'killed']);
  await node.until('booting');
  run.signal('SIGKILL');
  expect(await run.ended).toMatchObject({ code: null, signal: 'SIGKILL' });
  const runs = path.join(racks.folder, 'state/vfleet/runs');
  // Whatever it announced is in its journal, and every line but a torn last one can be read.
  const journals = await Promise.all(
    (await readdir(runs)).map((name) => readFile(path.join(runs, name, 'journal.jsonl'), 'utf8')),
  );
  const killed = journals.find((text) => text.includes('"killed"') && !text.includes('"run-ended"')) ?? '';
  expect(killed).toMatch(/"type":"effect-intent".*"kind":"reboot"/);
  await goesOn('killed');
});

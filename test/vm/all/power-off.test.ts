import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { canRun } from '../../ssh/requirements.ts';
import { expectPrepared } from '../expected.ts';
import { changed, digest, look } from '../machine.ts';
import { type Nodes, needed, startNodes, watchFailures } from '../nodes.ts';

const kinds = { node1: 'debian-12-intel-bios', node2: 'debian-12-intel-bios' } as const;
const names = ['node1', 'node2'] as const;

/** Minutes for a node to come back: what one takes that is emulated on a busy machine, and no more, as it is waited for. */
const deadline = 5;
const rollout = ['apply', 'passthrough', '--yes', '--reboot-deadline', String(deadline)];
const policy = ['-p', '1', '--max-rebooting', '1', '--max-failures', '0'];

interface Told {
  readonly at: string;
  readonly type: string;
  readonly host?: string;
  readonly state?: string;
  readonly hook?: string;
  readonly failure?: { readonly code: string };
  readonly effect?: { readonly kind: string };
}

/** Two stories, each told in order. */
describe.runIf(canRun('virtual nodes', needed))('a debian-12-intel-bios that is powered off while it reboots', () => {
  let nodes: Nodes;
  let untouched: ReadonlyMap<string, string>;
  let bootId = '';
  let next = '';

  beforeAll(async () => {
    nodes = await startNodes(kinds);
    await nodes.on('node2', 'systemctl is-system-running --wait || true');
    untouched = await digest(nodes, 'node2', { times: true });
    ({ bootId } = await look(nodes, 'node2'));
  });
  const failed = watchFailures();
  afterAll(() => nodes?.stop(failed()));

  it('is lost, and halts the rollout before another one starts', async () => {
    const run = await nodes.start([...rollout, ...policy]);
    await powerOffInReboot(nodes, 'node1', run.ended);
    const { code, stdout, stderr } = await run.ended;
    expect(code, stdout + stderr).toBe(3);
    expect(stdout).toMatch(/^halted: node1 did not end well; allowed: 0$/m);
    expect(stdout).toMatch(/^ {2}skipped +1 +node2\n {2}lost +1 +node1$/m);
    const told = await journal(nodes);
    expect(ends(told)).toEqual([
      ['node1', 'lost', 'reboot.lost'],
      ['node2', 'skipped', 'rollout.halted'],
    ]);
    expect(told.filter(({ type }) => type === 'host-started').map(({ host }) => host)).toEqual(['node1']);
    next = /^next: vfleet (.+?) {3}#/m.exec(stdout)?.[1] ?? '';
    expect(next, stdout).toMatch(/^resume /);
    await expectUntouched();
  });

  it('keeps its place: to go on without it starts nobody', async () => {
    const { code, stdout, stderr } = await nodes.vfleetAlone(['resume', '--max-failures', '1']);
    expect(code, stdout + stderr).toBe(3);
    expect(stdout).toMatch(/^halted: node1 is out of service and took every place/m);
    expect(ends(await journal(nodes)).at(-1)).toEqual(['node2', 'skipped', 'rollout.no-slot']);
    await expectUntouched();
  });

  it('goes on when it is on again, by the command that was named: no second reboot for the same goal', async () => {
    await nodes.lab('up');
    const { code, stdout, stderr } = await nodes.vfleetAlone(next.split(' '));
    expect(code, stdout + stderr).toBe(0);
    expect(ends(await journal(nodes)).slice(-2)).toEqual([
      ['node1', 'ok', undefined],
      ['node2', 'ok', undefined],
    ]);
    await expectConverged();
  });

  it('is not touched by a second apply, nor is the other', async () => {
    const before = await onBoth((name) => digest(nodes, name, { times: true }));
    const { code, stdout, stderr } = await nodes.vfleet([...rollout, ...policy]);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/: 2 hosts, 0 writes, 0 reboots in /);
    const after = await onBoth((name) => digest(nodes, name, { times: true }));
    for (const [index, files] of before.entries()) expect(changed(files, after[index] ?? new Map())).toEqual([]);
    await expectConverged();
  });

  it('is turned on from outside when its time is over, where that is configured: the rollout ends by itself', async () => {
    await nodes.lab('reset');
    const calls = await configurePower(nodes);
    const run = await nodes.start([...rollout, ...policy]);
    await powerOffInReboot(nodes, 'node1', run.ended);
    const { code, stdout, stderr } = await run.ended;
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^warning: node1: it did not come back .* it did after its power was cycled$/m);
    expect(await readFile(calls, 'utf8')).toBe('node1\n');
    const told = await journal(nodes);
    const steps = told.filter(
      ({ type, effect }) => effect?.kind === 'reboot' || /^(hook-|rebooted|host-started|host-ended)/.test(type),
    );
    expect(steps.map(({ host, type }) => `${host} ${type}`)).toEqual([
      ...['node1 host-started', 'node1 effect-intent', 'node1 hook-intent', 'node1 hook-done', 'node1 rebooted'],
      ...['node1 effect-done', 'node1 host-ended'],
      ...['node2 host-started', 'node2 effect-intent', 'node2 rebooted', 'node2 effect-done', 'node2 host-ended'],
    ]);
    const [, asked, cycled] = steps.map(({ at }) => Date.parse(at));
    expect((cycled ?? 0) - (asked ?? 0)).toBeGreaterThanOrEqual(deadline * 60_000);
    await expectConverged();
  });

  const onBoth = <T>(work: (name: (typeof names)[number]) => Promise<T>): Promise<readonly T[]> =>
    Promise.all(names.map(work));

  async function expectUntouched(): Promise<void> {
    expect((await look(nodes, 'node2')).bootId).toBe(bootId);
    expect(changed(untouched, await digest(nodes, 'node2', { times: true }))).toEqual([]);
    expect((await nodes.node('node1')).state).toBe('off');
  }

  /** Each has booted once for its goal; the boot that was cut off never came to its end. */
  async function expectConverged(): Promise<void> {
    await onBoth(async (name) => {
      await expectPrepared(nodes, name, kinds[name]);
      expect((await nodes.node(name)).boots, `${name}: boots`).toBe(2);
    });
  }
});

/** Takes a node's power as soon as its kernel has shut down for the reboot, and for good. */
async function powerOffInReboot(nodes: Nodes, name: string, ended: Promise<unknown>): Promise<void> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  ended.then(end, end);
  const { process: machine, console } = await nodes.node(name);
  if (machine === null) throw new Error(`${name} is off`);
  while (!/reboot: Restarting system/.test(await readFile(console, 'latin1'))) {
    if (over) throw new Error(`the apply ended before ${name} went down`);
    await pause(50);
  }
  process.kill(machine, 'SIGKILL');
  while ((await nodes.node(name)).state !== 'off') await pause(50);
}

/** Gives each node a power command; gives the file to which that writes whose power it was asked to cycle. */
async function configurePower(nodes: Nodes): Promise<string> {
  const lab = path.dirname(nodes.inventory);
  const folder = await mkdtemp(path.join(nodes.state, '..', 'power-'));
  const calls = path.join(folder, 'calls');
  const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
  // As a management controller does: it answers at once, and the node boots after that.
  const up = `"${process.execPath}" "${program}" lab vm up --directory "${lab}"`;
  const script = path.join(folder, 'power');
  await writeFile(script, `#!/bin/sh\necho "$1" >>"${calls}"\n${up} </dev/null >"${folder}/up.log" 2>&1 &\n`, {
    mode: 0o755,
  });
  await mkdir(path.join(lab, 'host_vars'));
  for (const name of names) {
    const vars = { outlet: name, power: { command: [script, '{{outlet}}'] } };
    await writeFile(path.join(lab, 'host_vars', `${name}.yaml`), stringify(vars));
  }
  return calls;
}

/** The journal of the newest run. */
async function journal(nodes: Nodes): Promise<readonly Told[]> {
  const runs = path.join(nodes.state, 'vfleet', 'runs');
  const newest = (await readdir(runs)).sort().at(-1) ?? '';
  const text = await readFile(path.join(runs, newest, 'journal.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
}

function ends(told: readonly Told[]): readonly (readonly (string | undefined)[])[] {
  return told
    .filter(({ type }) => type === 'host-ended')
    .map(({ host, state, failure }) => [host, state, failure?.code]);
}

import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { resolveRollout } from '../../src/rollout/rollout.ts';
import { type Fleet, soaksIn, startFleet } from './fleet.ts';

// What breaks minutes after a host was verified must not spread.
const hosts = ['gone', 'next', 'again', 'behind', 'dies', 'waits'];

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(hosts.map((name) => ({ name, kind: 'debian-12-intel' })));
}, 240_000);
afterAll(() => fleet?.stop());

/** Applies to two hosts, one after the other; calls back when the first of them soaks. */
async function whileSoaking(names: readonly [string, string], soak: number, act: () => Promise<void>) {
  const file = path.join(fleet.folder, 'motd.ts');
  await writeFile(
    file,
    `import { file, playbook } from 'vfleet';
export default playbook({ name: 'Motd', async apply(host) { await host.ensure(file('/etc/motd', 'soaks\\n')); } });
`,
  );
  const rollout = resolveRollout(
    { soak, parallel: 1, maxFailures: 0 },
    names.map((name) => ({ name, domain: null })),
    new Set(),
  );
  const run = fleet.run('apply', { playbook: file, args: { limit: [names.join(',')], connectTimeout: 2 }, rollout });
  await vi.waitUntil(() => soaksIn(fleet, names[0]), { timeout: 120_000, interval: 20 });
  await act();
  const { summary, code } = await run;
  return { summary, code, events: await fleet.events(summary.run) };
}

it('a host that does not answer at the end of its soak is lost, keeps its place, and the rollout halts', async () => {
  const node = fleet.lab.node('gone');
  const { summary, code, events } = await whileSoaking(['gone', 'next'], 2_000, () => node.powerCut({ stayOff: true }));
  const [gone, next] = summary.hosts;
  expect([gone?.state, gone?.failure?.code, code]).toEqual(['lost', 'soak.lost', 3]);
  expect(gone?.failure?.expected).toBe('that it still answers 2 s after it was verified');
  expect([next?.state, fleet.lab.node('next').counters.connections]).toEqual(['skipped', 0]);
  expect(events.find(({ type }) => type === 'host-ended')).toMatchObject({ host: 'gone', state: 'lost' });
});

it('a host that boots anew while it soaks has failed, and nobody else starts', async () => {
  const node = fleet.lab.node('again');
  // Long enough for a boot on a busy machine.
  const { summary, code } = await whileSoaking(['again', 'behind'], 15_000, async () => {
    await node.powerCut();
    await node.until('up');
  });
  const [again, behind] = summary.hosts;
  expect([again?.state, again?.failure?.code, code]).toEqual(['failed', 'soak.rebooted', 3]);
  expect(again?.failure?.message).toMatch(/runs on for 15 s after it was verified.*booted anew, and not for this run/);
  expect([behind?.state, fleet.lab.node('behind').counters.connections]).toEqual(['skipped', 0]);
});

it('a host that dies right after its reboot, with no soak, keeps the place of its rack: nobody else there is rebooted', async () => {
  const file = path.join(fleet.folder, 'late.ts');
  const flag = path.join(fleet.folder, 'died');
  await writeFile(
    file,
    `import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { file, kernelArguments, playbook } from 'vfleet';
export default playbook({
  name: 'Late',
  async apply(host) {
    await host.ensure(kernelArguments({ 'vfleet.late': '1' }));
    await host.settle();
    while (!existsSync('${flag}')) await sleep(20);
    await host.ensure(file('/etc/motd', 'late\\n'));
  },
});
`,
  );
  const names = ['dies', 'waits'];
  const rollout = resolveRollout(
    { perRack: 1, maxFailures: 2 },
    names.map((name) => ({ name, domain: 'r1' })),
    new Set(),
  );
  const run = fleet.run('apply', { playbook: file, args: { limit: [names.join(',')], connectTimeout: 2 }, rollout });
  const node = fleet.lab.node('dies');
  await vi.waitUntil(() => node.counters.reboots === 1 && node.state === 'up', { timeout: 120_000, interval: 20 });
  const isBack = async () => (await journal()).includes('"type":"rebooted"');
  await vi.waitUntil(isBack, { timeout: 120_000, interval: 20 });
  await node.powerCut({ stayOff: true });
  await writeFile(flag, '');
  const { summary, code } = await run;
  const [dies, waits] = summary.hosts;
  expect([dies?.state, waits?.state, waits?.failure?.code, code]).toEqual([
    'unreachable',
    'skipped',
    'rollout.no-slot',
    3,
  ]);
  expect([fleet.lab.node('waits').counters.reboots, summary.halted]).toEqual([
    0,
    expect.stringContaining('dies is out of service'),
  ]);
});

/** Of the newest run. */
async function journal(): Promise<string> {
  const runs = path.join(fleet.folder, 'state/runs');
  const newest = (await readdir(runs).catch(() => [])).sort().at(-1) ?? '';
  return readFile(path.join(runs, newest, 'journal.jsonl'), 'utf8').catch(() => '');
}

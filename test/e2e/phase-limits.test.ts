import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { resolveRollout } from '../../src/rollout/rollout.ts';
import type { RolloutWish } from '../../src/rollout/wish.ts';
import { type Fleet, startFleet } from './fleet.ts';

// Counted on the nodes: each notes when it begins and ends what is limited.
const names = ['n1', 'n2', 'n3', 'n4', 'n5'];

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(names.map((name) => ({ name, kind: 'debian-12-intel' })));
  for (const name of names) {
    const tool = at(name, 'usr/sbin/update-initramfs');
    await rename(tool, `${tool}.real`);
    const text = `#!/bin/sh\ndate +%s%N >>/root/job\nsleep 0.5\n"$0.real" "$@" || exit\ndate +%s%N >>/root/job\n`;
    await writeFile(tool, text, { mode: 0o755 });
  }
}, 240_000);
afterAll(() => fleet?.stop());

const at = (name: string, file: string): string => path.join(fleet.lab.node(name).root, file);

/** A playbook that takes its time in its write and its job, and needs a reboot. */
async function playbook(round: number): Promise<string> {
  const file = path.join(fleet.folder, 'phases.ts');
  await writeFile(
    file,
    `import { command, file, kernelArguments, playbook, sh } from 'vfleet';
export default playbook({
  name: 'Phases',
  async apply(host) {
    await host.ensure(
      command('slow', sh\`date +%s%N >>/root/write; sleep 0.5; date +%s%N >>/root/write\`, { creates: '/root/write' }),
      file('/etc/modprobe.d/phases.conf', 'options loop max_loop=${round}\\n'),
      kernelArguments({ 'phases.round': '${round}' }),
    );
    await host.settle();
  },
});
`,
  );
  return file;
}

/** How many were at it at once at most, by what the nodes have noted: of each file the first beginning and end. */
async function most(files: readonly string[]): Promise<number> {
  const spans: (readonly [bigint, bigint])[] = [];
  for (const name of names) {
    for (const file of files) {
      const [begin = '', end = ''] = (await readFile(at(name, `root/${file}`), 'utf8')).split('\n');
      spans.push([BigInt(begin), BigInt(end)]);
    }
  }
  return Math.max(...spans.map(([begin]) => spans.filter(([from, to]) => from <= begin && begin < to).length));
}

/** Applies under limits; tells how many hosts were in each phase at once at most. */
async function phasesUnder(wish: RolloutWish, round: number) {
  for (const name of names) for (const file of ['write', 'job']) await rm(at(name, `root/${file}`), { force: true });
  let away = 0;
  const timer = setInterval(() => {
    away = Math.max(away, fleet.lab.nodes.filter(({ state }) => state !== 'up').length);
  }, 5);
  const rollout = resolveRollout(
    wish,
    names.map((name) => ({ name, domain: null })),
    new Set(),
  );
  const { summary } = await fleet.run('apply', { playbook: await playbook(round), rollout });
  clearInterval(timer);
  expect(summary.hosts.map(({ state, reboots }) => [state, reboots])).toEqual(names.map(() => ['ok', 1]));
  expect(existsSync(at('n1', 'root/job'))).toBe(true);
  const told = await fleet.events(summary.run);
  const waits = told.filter((event) => event.type === 'progress' && event.line.startsWith('waiting to log in')).length;
  return { waits, applying: await most(['write', 'job']), rebooting: away };
}

it('no more hosts log in, apply and reboot at once than may', async () => {
  const found = await phasesUnder({ maxConnecting: 1, maxApplying: 2, maxRebooting: 1 }, 1);
  // How many do so at once is counted in test/host/limits.test.ts; all five begin with it at the same time here.
  expect(found.waits).toBeGreaterThan(0);
  expect(found.applying).toBeLessThanOrEqual(2);
  expect(found.rebooting).toBe(1);
}, 300_000);

it('without limits more of them do, as the same nodes tell', async () => {
  const found = await phasesUnder({}, 2);
  expect(found.waits).toBe(0);
  expect(found.applying).toBeGreaterThan(2);
}, 300_000);

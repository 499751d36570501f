import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Fleet, startFleet } from './fleet.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(['own', 'other'].map((name) => ({ name, kind: 'debian-12-intel' })));
}, 120_000);
afterAll(() => fleet?.stop());

/** Decides by what the reboot itself changes, and goes on after it. */
async function playbook(): Promise<string> {
  const file = path.join(fleet.folder, 'cut-off.ts');
  await writeFile(
    file,
    `import { file, kernelArguments, playbook } from 'vfleet';
export default playbook({ name: 'Cut off', async apply(host) {
  const quiet = host.facts.boot.running.includes("nomodeset") && { quiet: true };
  await host.ensure(kernelArguments({ ...quiet, nomodeset: true }));
  await host.settle();
  await host.ensure(file('/etc/motd', 'after the reboot\\n'));
} });
`,
  );
  return file;
}

/** A saved plan of which an apply gives up waiting for the reboot that it has asked for. */
async function cutOff(name: string) {
  const file = await playbook();
  const { host } = await fleet.one('plan', name, { playbook: file });
  if (host.plan === null) throw new Error('no plan');
  const options = { playbook: file, expected: new Map([[name, host.plan]]) };
  const first = await fleet.one('apply', name, { ...options, reboot: { deadline: 1 } });
  expect(first.host.failure?.code).toMatch(/^reboot\.(?:lost|not-started)$/);
  const node = fleet.lab.node(name);
  await vi.waitUntil(() => node.counters.reboots === 1 && node.state === 'up', { timeout: 120_000 });
  return { node, options };
}

it('a saved plan that was cut off after its own reboot goes on, though what it read is otherwise now', async () => {
  const { node, options } = await cutOff('own');
  const { host, code } = await fleet.one('apply', 'own', options);
  expect([host.failure, code]).toEqual([null, 0]);
  expect(host).toMatchObject({ state: 'ok', writes: 1, reboots: 0 });
  expect(node.counters.reboots).toBe(1);
});

it('somebody who has changed what it wrote in the meantime stops it all the same', async () => {
  const { node, options } = await cutOff('other');
  await writeFile(path.join(node.root, 'etc/default/grub.d/99-vfleet.cfg'), '# mine\n');
  const { host, code } = await fleet.one('apply', 'other', options);
  expect([host.failure?.code, code]).toEqual(['plan.differs', 3]);
  expect([host.writes, node.counters.reboots]).toEqual([0, 1]);
});

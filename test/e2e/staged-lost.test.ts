import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { type Fleet, startFleet } from './fleet.ts';

// rpm-ostree stages arguments in /run, and the shutdown makes an entry of them: what is lost before that is no reboot in vain.
const kind = 'fedora-coreos-ostree';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(['once', 'always'].map((name) => ({ name, kind })));
}, 120_000);
afterAll(() => fleet?.stop());

/** From now on the shutdown finds nothing staged, as after a cut before it. Returns what ends that. */
async function loseStaged(node: LabNode): Promise<() => Promise<void>> {
  const folder = path.join(node.root, 'usr/local/sbin');
  const wrapper = path.join(folder, 'systemctl');
  await mkdir(folder, { recursive: true });
  const text = '#!/bin/sh\n[ "$1" != reboot ] || rm -f /run/ostree/staged-deployment\nexec /usr/bin/systemctl "$@"\n';
  await writeFile(wrapper, text, { mode: 0o755 });
  return () => rm(wrapper);
}

interface Stored {
  readonly pending: readonly { readonly kind: string }[];
  readonly failedReboots?: readonly unknown[];
}
const recordOf = async (node: LabNode): Promise<Stored> =>
  JSON.parse(await readFile(path.join(node.root, 'var/lib/vfleet/state.json'), 'utf8')) as Stored;

it('what a power cut took is staged again by the next apply, with one more reboot', async () => {
  const node = fleet.lab.node('once');
  const mend = await loseStaged(node);
  const { host: first } = await fleet.one('apply', node.name);
  expect(first.failure?.message).toMatch(/what was staged for it is gone.*run `vfleet apply` again/);
  expect(await recordOf(node)).not.toHaveProperty('failedReboots');
  await mend();
  const { host: second } = await fleet.one('apply', node.name);
  expect([second.failure, second.reboots, node.counters.reboots]).toEqual([null, 1, 2]);
  expect(await readFile(path.join(node.root, 'proc/cmdline'), 'utf8')).toContain('iommu=pt');
  expect((await recordOf(node)).pending).toEqual([]);
  expect((await fleet.one('apply', node.name)).host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
});

it('a host that loses it each time is not rebooted a third time for it', async () => {
  const node = fleet.lab.node('always');
  await loseStaged(node);
  for (const reboots of [1, 2, 2, 2]) {
    const { host } = await fleet.one('apply', node.name);
    expect([host.failure?.code, node.counters.reboots]).toEqual(['reboot.arguments-not-active', reboots]);
  }
  expect((await recordOf(node)).failedReboots).toHaveLength(1);
});

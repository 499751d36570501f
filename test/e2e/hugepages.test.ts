import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logIn } from '../lab/client.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { undo } from './undo-steps.ts';

const playbook = fileURLToPath(new URL('../../playbooks/hugepages.ts', import.meta.url));

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'ostree', kind: 'fedora-coreos-ostree' },
    { name: 'grub', kind: 'debian-12-devices' },
  ]);
}, 120_000);
afterAll(() => fleet?.stop());

async function run(verb: 'apply' | 'verify', name: string, hugepages: unknown) {
  const file = path.join(fleet.folder, `vars-${name}.json`);
  await writeFile(file, JSON.stringify({ hugepages }));
  const { host, code } = await fleet.one(verb, name, { playbook, args: { extraVars: [`@${file}`] } });
  expect([host.failure, code]).toEqual([null, 0]);
  const reserved = host.checks.find(({ check }) => check === 'hugepages-reserved');
  return { writes: host.writes, reboots: host.reboots, found: reserved?.found };
}

const words = async (name: string): Promise<readonly string[]> => {
  const line = await readFile(path.join(fleet.lab.node(name).root, 'proc/cmdline'), 'utf8');
  return line.split(/\s+/).filter((word) => /hugepage/.test(word));
};

describe.each(['ostree', 'grub'])('a pool on %s', (name) => {
  it('of 2 MiB becomes one of 1 GiB, is read back, and goes by an undo and a reboot', async () => {
    const small = await run('apply', name, { size: '2M', count: 1024 });
    expect(small).toMatchObject({ reboots: 1, found: expect.stringContaining('1024 pages of 2M') });
    expect(await words(name)).toEqual(['default_hugepagesz=2M', 'hugepagesz=2M', 'hugepages=1024']);
    const large = await run('apply', name, { size: '1G', count: 8 });
    expect(large).toMatchObject({ reboots: 1, found: expect.stringContaining('8 pages of 1G') });
    expect(await words(name)).toEqual(['default_hugepagesz=1G', 'hugepagesz=1G', 'hugepages=8']);
    expect(await run('apply', name, { size: '1G', count: 8 })).toMatchObject({ writes: 0, reboots: 0 });
    expect(await run('verify', name, { size: '1G', count: 8 })).toEqual({ ...large, writes: 0, reboots: 0 });
    const node = fleet.lab.node(name);
    const undone = await undo(fleet, node, { name: 'Huge pages' });
    expect([undone.host.failure, undone.code]).toEqual([null, 0]);
    // Staged deployments are finalised by an orderly shutdown alone.
    const client = await logIn(fleet.lab, name);
    void client.run('reboot');
    await client.closed;
    await node.until('up');
    expect(await words(name)).toEqual([]);
  });
});

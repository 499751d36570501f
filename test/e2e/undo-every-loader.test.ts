import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { logIn } from '../lab/client.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { contents, recordOf, running, undo } from './undo-steps.ts';

/** One kind for each way in which arguments are kept; the rest of Debian's family is in undo.test.ts. */
const kinds = [
  'openeuler-22.03-amd',
  'sles-15-intel',
  'rhel-9.4-maas',
  'rocky-8-intel',
  'rocky-8-amd',
  'rocky-9.2-amd',
  'rocky-9.4-intel',
  'rocky-9.4-amd',
  'debian-12-systemd-boot',
  'proxmox-8-zfs',
] as const;
const nodeOf = (kind: string): string => kind.replaceAll('.', '');

let fleet: Fleet;
beforeAll(async () => {
  const names = [...kinds, 'fedora-coreos-ostree'];
  fleet = await startFleet(names.map((kind) => ({ name: nodeOf(kind), kind })));
}, 180_000);
afterAll(() => fleet?.stop());

/** Proxmox boots from partitions that are not mounted. */
const foldersOf = (kind: string): string[] => [
  'etc',
  'boot',
  ...(kind.startsWith('proxmox') ? ['var/lib/lab-machine/partitions'] : []),
];

it.concurrent.each(kinds)(
  '%s: applied, applied again and undone, every file under /etc and /boot is as before',
  async (kind) => {
    const node = fleet.lab.node(nodeOf(kind));
    const folders = foldersOf(kind);
    const before = await contents(node, folders);
    const { host } = await fleet.one('apply', node.name);
    expect([host.failure?.message ?? null, host.state, host.reboots]).toEqual([null, 'ok', 1]);
    expect(await running(node)).toContain('iommu=pt');
    const applied = await contents(node, folders);
    expect((await fleet.one('apply', node.name)).host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
    expect(await contents(node, folders)).toEqual(applied);

    const undone = await undo(fleet, node);
    expect([undone.host.failure?.message ?? null, undone.host.state, undone.code]).toEqual([null, 'ok', 0]);
    expect(await contents(node, folders)).toEqual(before);
    expect(node.counters.reboots).toBe(1);
    expect(undone.host.rebootDue).toContain('iommu=pt');
    expect((await recordOf(node)).ownedArguments).toEqual({});
  },
);

it('fedora-coreos-ostree: undone, the next deployment has the arguments of before, and boots', async () => {
  const node = fleet.lab.node('fedora-coreos-ostree');
  const kargs = async (): Promise<string> => {
    const client = await logIn(fleet.lab, node.name);
    const ran = await client.run('rpm-ostree kargs');
    client.end();
    // Which of the two boot loader folders it is changes with each deployment.
    return ran.stdout.replace(/\/ostree\/boot\.\d\//, '/ostree/boot.N/');
  };
  const [before, etc] = [await kargs(), await contents(node, ['etc'])];
  expect((await fleet.one('apply', node.name)).host.failure?.message ?? null).toBeNull();
  expect(await kargs()).not.toBe(before);
  const undone = await undo(fleet, node);
  expect([undone.host.failure?.message ?? null, undone.host.state]).toEqual([null, 'ok']);
  expect(await kargs()).toBe(before);
  expect(await contents(node, ['etc'])).toEqual(etc);
  expect(await readFile(path.join(node.root, 'proc/cmdline'), 'utf8')).toContain('iommu=pt');
  const client = await logIn(fleet.lab, node.name);
  void client.run('reboot');
  await client.closed;
  await node.until('up');
  expect(await running(node)).not.toContain('iommu=pt');
});

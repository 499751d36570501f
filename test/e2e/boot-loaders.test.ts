import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Fleet, startFleet } from './fleet.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'sdboot', kind: 'debian-12-systemd-boot' },
    { name: 'proxmox', kind: 'proxmox-8-zfs' },
    { name: 'coreos', kind: 'fedora-coreos-ostree' },
  ]);
}, 120_000);
afterAll(() => fleet?.stop());

const read = (name: string, file: string): Promise<string> =>
  readFile(path.join(fleet.lab.node(name).root, file), 'utf8');

it('sdboot: copies of entries below a mount point, and those of a partition that was not booted, are not edited', async () => {
  const root = fleet.lab.node('sdboot').root;
  const entries = () => read('sdboot', 'boot/efi/loader/entries/debian-6.1.0-18-amd64.conf');
  const before = await entries();
  const table = path.join(root, 'proc/self/mounts');
  const text = await readFile(table, 'utf8');
  await writeFile(table, text.replace(/^.* \/boot\/efi .*\n/m, ''));
  expect((await fleet.one('apply', 'sdboot')).host.failure).toMatchObject({
    code: 'boot.source',
    found: expect.stringContaining('nothing mounted at /boot/efi'),
  });
  // As if the root file system's disk had another one, from which the firmware did not boot.
  await writeFile(table, text);
  const folder = path.join(root, 'sys/firmware/efi/efivars');
  const [name = ''] = (await readdir(folder)).filter((file) => file.startsWith('LoaderDevicePartUUID-'));
  const variable = await readFile(path.join(folder, name));
  await writeFile(path.join(folder, name), Buffer.from(variable).fill(variable.subarray(4, 6), 4, variable.length - 2));
  const { failure } = (await fleet.one('apply', 'sdboot')).host;
  expect(failure).toMatchObject({ code: 'boot.source', found: expect.stringMatching(/^partition \S+ mounted at/) });
  await writeFile(path.join(folder, name), variable);
  expect(await entries()).toBe(before);
});

it('proxmox: a plan reads partitions that nothing mounts, and no other process ever sees one mounted', async () => {
  const before = await read('proxmox', 'proc/mounts');
  const seen = new Set<string>();
  let done = false;
  const plan = fleet.one('plan', 'proxmox').finally(() => {
    done = true;
  });
  while (!done) {
    seen.add(await read('proxmox', 'proc/mounts'));
    for (const name of await readdir(path.join(fleet.lab.node('proxmox').root, 'tmp'))) seen.add(name);
  }
  expect((await plan).host).toMatchObject({ failure: null, state: 'ok' });
  expect([...seen]).toEqual([before]);
});

it.each(['sdboot', 'proxmox', 'coreos'])(
  '%s: one apply, one reboot, the arguments run, and a second apply finds nothing',
  async (name) => {
    const { host } = await fleet.one('apply', name);
    expect(host.failure).toBeNull();
    expect(host).toMatchObject({ state: 'ok', reboots: 1 });
    expect(await read(name, 'proc/cmdline')).toMatch(/ iommu=pt /);
    expect((await fleet.one('apply', name)).host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
  },
);

it('sdboot: all entries have them', async () => {
  const folder = 'boot/efi/loader/entries';
  for (const file of await readdir(path.join(fleet.lab.node('sdboot').root, folder))) {
    expect(await read('sdboot', `${folder}/${file}`)).toMatch(/^options .*intel_iommu=on iommu=pt/m);
  }
});

it('proxmox: GRUB has not been touched, and nothing is left mounted', async () => {
  expect(await read('proxmox', 'etc/kernel/cmdline')).toContain('iommu=pt');
  await expect(read('proxmox', 'etc/default/grub.d/99-vfleet.cfg')).rejects.toThrow('ENOENT');
  expect(await read('proxmox', 'proc/mounts')).not.toMatch(/ \/tmp\/tmp\./);
});

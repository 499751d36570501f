import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { logIn } from '../lab/client.ts';
import { type Fleet, startFleet } from './fleet.ts';

// What distributions do with kernel arguments that are configured as the documentation of another one says.
let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'entries', kind: 'rocky-9.4-intel' },
    { name: 'tuned', kind: 'centos-7-intel' },
    { name: 'cloud', kind: 'ubuntu-22.04-intel' },
  ]);
}, 120_000);
afterAll(() => fleet?.stop());

const at = (node: LabNode, file: string): string => path.join(node.root, file);
const read = (node: LabNode, file: string): Promise<string> => readFile(at(node, file), 'utf8');
const running = async (node: LabNode): Promise<string[]> => (await read(node, 'proc/cmdline')).trim().split(' ');

async function edit(node: LabNode, file: string, change: (text: string) => string): Promise<void> {
  await writeFile(at(node, file), change(await read(node, file)));
}

async function run(node: LabNode, command: string): Promise<void> {
  const client = await logIn(fleet.lab, node.name);
  const ran = await client.run(command);
  client.end();
  expect(ran.end).toBe(0);
}

it('where grub2-mkconfig leaves boot entries alone, a settings file that looks right is not taken for done', async () => {
  const node = fleet.lab.node('entries');
  const wished = ['intel_iommu=on', 'iommu=pt', 'vfio_iommu_type1.allow_unsafe_interrupts=1'];
  await edit(node, 'etc/default/grub', (text) =>
    text.replace(/^(GRUB_CMDLINE_LINUX=".*)"$/m, `$1 ${wished.join(' ')}"`),
  );
  await run(node, 'grub2-mkconfig -o /boot/grub2/grub.cfg');
  const folder = 'boot/loader/entries';
  const texts = async () =>
    Promise.all((await readdir(at(node, folder))).map((name) => read(node, path.join(folder, name))));
  expect((await texts()).join()).not.toContain('intel_iommu');
  const { host } = await fleet.one('apply', node.name);
  expect([host.failure?.message ?? null, host.reboots]).toEqual([null, 1]);
  expect(await running(node)).toEqual(expect.arrayContaining(wished));
  for (const text of await texts()) expect(text).toContain(wished.join(' '));
});

it('what tuned adds to the boot is there after the configuration was generated anew', async () => {
  const node = fleet.lab.node('tuned');
  const line =
    '\nGRUB_CMDLINE_LINUX_DEFAULT="${GRUB_CMDLINE_LINUX_DEFAULT:+$GRUB_CMDLINE_LINUX_DEFAULT }\\$tuned_params"\n';
  await edit(node, 'etc/default/grub', (text) => `${text}${line}`);
  await mkdir(at(node, 'etc/tuned'), { recursive: true });
  await writeFile(at(node, 'etc/tuned/bootcmdline'), 'TUNED_BOOT_CMDLINE="skew_tick=1 isolcpus=2-3"\n');
  const script = '#!/bin/sh\n. /etc/tuned/bootcmdline\necho "set tuned_params=\\"$TUNED_BOOT_CMDLINE\\""\n';
  await writeFile(at(node, 'etc/grub.d/00_tuned'), script);
  await chmod(at(node, 'etc/grub.d/00_tuned'), 0o755);
  await run(node, 'grub2-mkconfig -o /boot/grub2/grub.cfg');
  const { host } = await fleet.one('apply', node.name);
  expect([host.failure?.message ?? null, host.reboots]).toEqual([null, 1]);
  expect(await running(node)).toEqual(expect.arrayContaining(['skew_tick=1', 'isolcpus=2-3', 'intel_iommu=on']));
  expect(await read(node, 'etc/default/grub')).toContain(line);
  expect(await read(node, 'boot/grub2/grub.cfg')).toMatch(/^\s*linux16\s.*intel_iommu=on.* \$tuned_params/m);
});

it('a drop-in of a cloud image that overrules the arguments of the administrator does not overrule ours', async () => {
  const node = fleet.lab.node('cloud');
  const dropIn = 'etc/default/grub.d/50-cloudimg-settings.cfg';
  const before = await read(node, dropIn);
  expect(before).toMatch(/^GRUB_CMDLINE_LINUX_DEFAULT=/m);
  expect((await fleet.one('apply', node.name)).host.failure?.message ?? null).toBeNull();
  expect(await running(node)).toEqual(expect.arrayContaining(['intel_iommu=on', 'iommu=pt']));
  expect(await read(node, dropIn)).toBe(before);
});

import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Fleet, startFleet } from './fleet.ts';
import { contents, playbookOf, undo } from './undo-steps.ts';

/** One kind of machine for each way in which boot loaders keep arguments, with what their tools make of the rest. */
const kinds: readonly (readonly [kind: string, generated: RegExp])[] = [
  ['centos-7-intel', /\/grub\.cfg$|\/initramfs-/],
  ['rocky-8-intel', /\/initramfs-/],
  ['rocky-9.4-intel', /\/initramfs-/],
  ['debian-12-systemd-boot', /\/initrd/],
  ['proxmox-8-zfs', /\/initrd/],
  ['fedora-coreos-ostree', /^\/boot\//],
];
const nameOf = (kind: string): string => kind.replaceAll('.', '-');

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    ...kinds.map(([kind]) => ({ name: nameOf(kind), kind })),
    { name: 'by-hand', kind: 'debian-12-intel' },
  ]);
}, 180_000);
afterAll(() => fleet?.stop());

it('machines that nobody has prepared have no leftovers', async () => {
  const { summary } = await fleet.run('plan');
  expect(summary.hosts.map(({ state, leftovers }) => [state, leftovers])).toEqual([
    ...kinds.map(() => ['ok', []]),
    ['ok', []],
  ]);
});

it.each(kinds)('%s: arguments set by hand are taken over once, and undo takes them out', async (kind, generated) => {
  const node = fleet.lab.node(nameOf(kind));
  const name = 'Set by hand';
  const playbook = await playbookOf(fleet, name, ["kernelArguments({ iommu: 'pt', nomodeset: true })"]);
  const left = async (): Promise<Readonly<Record<string, string>>> =>
    Object.fromEntries(Object.entries(await contents(node)).filter(([file]) => !generated.test(file)));
  const before = await left();
  // Set by hand is what nobody knows of: with no record, what an earlier run has set is that.
  expect((await fleet.one('apply', node.name, { playbook })).host.failure).toBeNull();
  await rm(path.join(node.root, 'var/lib/vfleet'), { recursive: true });
  expect((await fleet.one('plan', node.name, { playbook })).host.plan?.changes).toEqual([]);

  const shown = await fleet.one('plan', node.name, { playbook, adopt: true });
  expect(shown.host.plan?.changes.map(({ summary }) => summary).join()).toMatch(/take over iommu=pt nomodeset in /);
  const set = await contents(node);
  const taken = await fleet.one('apply', node.name, { playbook, adopt: true });
  expect(taken.host).toMatchObject({ failure: null, writes: 1, reboots: 0 });
  expect(await contents(node)).toEqual(set);
  expect((await fleet.one('apply', node.name, { playbook, adopt: true })).host).toMatchObject({
    writes: 0,
    reboots: 0,
  });

  const undone = await undo(fleet, node, { name });
  expect(undone.host.failure).toBeNull();
  expect(undone.host.rebootDue).toContain('iommu=pt nomodeset');
  expect(await left()).toEqual(before);
  // Where a tool keeps them, it has them no more: they would be added again.
  const again = await fleet.one('plan', node.name, { playbook });
  expect(again.host.plan?.changes.map(({ summary }) => summary).join()).toMatch(/^add iommu=pt nomodeset/);
});

it('debian-12-intel: arguments in the default line of the administrator are taken over there, and taken out there', async () => {
  const node = fleet.lab.node('by-hand');
  const name = 'Set by hand';
  const playbook = await playbookOf(fleet, name, ["kernelArguments({ iommu: 'pt', nomodeset: true })"]);
  const grub = path.join(node.root, 'etc/default/grub');
  const before = await readFile(grub, 'utf8');
  const edited = before.replace(
    /^GRUB_CMDLINE_LINUX_DEFAULT="quiet"$/m,
    'GRUB_CMDLINE_LINUX_DEFAULT="quiet iommu=pt nomodeset"',
  );
  expect(edited).not.toBe(before);
  await writeFile(grub, edited);
  const { host } = await fleet.one('apply', node.name, { playbook, adopt: true });
  expect([host.failure, host.reboots]).toEqual([null, 1]);
  expect(await readFile(grub, 'utf8')).toBe(edited);

  // A changed playbook replaces it, here as anywhere.
  const changed = await playbookOf(fleet, name, ["kernelArguments({ iommu: 'pt' })"]);
  expect((await fleet.one('apply', node.name, { playbook: changed })).host.failure).toBeNull();
  expect(await readFile(grub, 'utf8')).toBe(before.replace('"quiet"', '"quiet iommu=pt"'));

  expect((await undo(fleet, node, { name })).host.failure).toBeNull();
  expect(await readFile(grub, 'utf8')).toBe(before);
});

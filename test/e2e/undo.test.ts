import { appendFile, chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { type Fleet, passthrough, startFleet } from './fleet.ts';
import { contents, playbookOf, recordOf, running, stallBefore, task, undo } from './undo-steps.ts';

const kinds = ['debian-12-intel', 'centos-7-intel', 'ubuntu-22.04-intel'] as const;
const [debian, centos, ubuntu] = kinds;

let fleet: Fleet;
const nodes = Object.entries({ [debian]: 7, [centos]: 6, [ubuntu]: 2 }).flatMap(([kind, number]) =>
  Array.from({ length: number }, (_, index) => ({ name: `${kind.replaceAll('.', '-')}-${index}`, kind })),
);
beforeAll(async () => {
  fleet = await startFleet(nodes);
}, 180_000);
afterAll(() => fleet?.stop());

const used = new Map<string, number>();
/** A node of a kind that no test has touched yet. */
function fresh(kind: string): LabNode {
  const index = used.get(kind) ?? 0;
  used.set(kind, index + 1);
  const found = nodes.filter((node) => node.kind === kind)[index];
  if (found === undefined) throw new Error(`more tests than nodes of ${kind}`);
  return fleet.lab.node(found.name);
}

const apply = async (node: LabNode, playbook = passthrough): Promise<void> => {
  const { host } = await fleet.one('apply', node.name, { playbook });
  expect([host.failure?.message ?? null, host.state]).toEqual([null, 'ok']);
};
const undone = async (node: LabNode, options: Parameters<typeof undo>[2] = {}) => {
  const done = await undo(fleet, node, options);
  expect([done.host.failure?.message ?? null, done.host.state, done.code]).toEqual([null, 'ok', 0]);
  return done.host;
};
const text = (node: LabNode, file: string): Promise<string> => readFile(path.join(node.root, file), 'utf8');

const ours = ['intel_iommu=on', 'iommu=pt', 'vfio_iommu_type1.allow_unsafe_interrupts=1'];

describe.each(kinds)('on %s', (kind) => {
  it('brings every file back, reboots nothing, and says that a reboot is due; a second time finds nothing', async () => {
    const node = fresh(kind);
    const before = await contents(node);
    await apply(node);
    const applied = await contents(node);
    expect(applied).not.toEqual(before);
    expect(node.counters.reboots).toBe(1);

    const shown = await undo(fleet, node, { dryRun: true });
    expect([shown.host.state, shown.code, shown.host.writes]).toEqual(['ok', 2, 0]);
    expect(await contents(node)).toEqual(applied);

    const host = await undone(node);
    expect(host.writes).toBe(1);
    expect(await contents(node)).toEqual(before);
    expect(node.counters.reboots).toBe(1);
    for (const token of ours) expect(host.rebootDue).toContain(token);

    const again = await undone(node);
    expect([again.writes, again.settled, again.plan?.changes]).toEqual([0, [], []]);
    // It has not been rebooted, so that is still so.
    expect(again.rebootDue).toContain('iommu=pt');
  });

  it('and apply once more, with no reboot in between, needs none, and can be undone again', async () => {
    const node = fresh(kind);
    const before = await contents(node);
    await apply(node);
    const applied = await contents(node);
    await undone(node);
    expect((await recordOf(node)).pending).toEqual([]);
    await apply(node);
    expect(await contents(node)).toEqual(applied);
    expect(node.counters.reboots).toBe(1);
    expect((await recordOf(node)).leftRunning).toBeUndefined();
    expect((await fleet.one('apply', node.name)).host).toMatchObject({ state: 'ok', writes: 0 });
    await undone(node);
    expect(await contents(node)).toEqual(before);
    await node.powerCut();
    await node.until('up');
    expect(await running(node)).not.toContain('iommu=pt');
    const after = await undone(node);
    expect(after.rebootDue).toBeNull();
  });
});

describe('what somebody else has changed since', () => {
  it('in /etc/default/grub and in a list of modules stays, and only what was added goes', async () => {
    const node = fresh(centos);
    await apply(node);
    const grub = path.join(node.root, 'etc/default/grub');
    const edited = (await readFile(grub, 'utf8')).replace('GRUB_CMDLINE_LINUX="', 'GRUB_CMDLINE_LINUX="by.hand=1 ');
    await writeFile(grub, `${edited}# by hand\n`);
    await appendFile(path.join(node.root, 'etc/modules-load.d/vfio.conf'), '# mine\nkvm\n');
    await undone(node);
    let wished = `${edited}# by hand\n`;
    for (const token of ours) wished = wished.replace(` ${token}`, '');
    expect(await text(node, 'etc/default/grub')).toBe(wished);
    expect(wished).toContain('by.hand=1');
    expect(await text(node, 'etc/modules-load.d/vfio.conf')).toBe('# mine\nkvm\n');
    expect(await text(node, 'boot/grub2/grub.cfg')).toContain('by.hand=1');
    expect(await text(node, 'boot/grub2/grub.cfg')).not.toContain('iommu=pt');
    expect((await undone(node)).writes).toBe(0);
  });

  it('in a file of a playbook alone stays as it is, with a note that names the backup; --force restores it', async () => {
    const node = fresh(debian);
    const at = path.join(node.root, 'etc/modprobe.d/mine.conf');
    await writeFile(at, 'before\n', { mode: 0o640 });
    // The image is built anew by a tool, which makes no promise of the same bytes.
    const before = await contents(node, ['etc']);
    const files = await playbookOf(fleet, 'Files', [
      `file('/etc/modprobe.d/mine.conf', 'options kvm ignore_msrs=1\\n', { mode: '0644' })`,
      `file('/etc/made/deep/new.conf', 'new\\n')`,
    ]);
    await apply(node, files);
    await writeFile(at, 'by hand\n');
    const shown = await undo(fleet, node, { name: 'Files', dryRun: true });
    const notes = shown.host.plan?.changes.flatMap((change) => change.notes) ?? [];
    expect(notes.join('\n')).toMatch(
      /in \/var\/lib\/vfleet\/backups\/[^ ]+\/etc\/modprobe\.d\/mine\.conf: --force restores it/,
    );

    await undone(node, { name: 'Files' });
    expect(await text(node, 'etc/modprobe.d/mine.conf')).toBe('by hand\n');
    // What was made for it goes with it.
    expect(await readdir(path.join(node.root, 'etc'))).not.toContain('made');

    await writeFile(at, 'before\n');
    await chmod(at, 0o640);
    await apply(node, files);
    await writeFile(at, 'by hand\n');
    const host = await undone(node, { name: 'Files', force: true });
    expect(host.settled.map((effect) => effect.kind)).toEqual(['initramfs']);
    expect(host.rebootDue).toContain('/etc/modprobe.d/mine.conf');
    expect(await contents(node, ['etc'])).toEqual(before);
  });
});

it('two playbooks that share /etc/default/grub leave each other alone; the last one restores every byte', async () => {
  const node = fresh(centos);
  const before = await contents(node);
  const other = await playbookOf(fleet, 'Other', [`kernelArguments({ nomodeset: true, iommu: 'pt' })`]);
  await apply(node);
  const first = await contents(node);
  await apply(node, other);
  await undone(node, { name: 'Other' });
  expect(await contents(node)).toEqual(first);
  await apply(node, other);
  await undone(node);
  expect(await text(node, 'etc/default/grub')).toContain('nomodeset');
  expect(await text(node, 'etc/default/grub')).not.toContain('intel_iommu');
  await undone(node, { name: 'Other' });
  expect(await contents(node)).toEqual(before);
});

describe('an undo that dies', () => {
  const cuts = [
    ['before the record', 'mv', '/var/lib/vfleet/state.json', 1],
    ['between the record and the first file', 'mv', '/etc/default/grub', 1],
    ['between two files', 'rm', '/etc/modules-load.d/vfio.conf', 1],
    ['before the record has forgotten', 'mv', '/var/lib/vfleet/state.json', 2],
    ['before the boot configuration is in place', 'mv', '/boot/grub2/grub.cfg', 1],
  ] as const;
  it('by a power cut at any moment is finished by the next one', async () => {
    const node = fresh(centos);
    const before = await contents(node);
    for (const [when, tool, target, nth] of cuts) {
      await apply(node);
      const stall = await stallBefore(node, tool, target, nth);
      const cut = undo(fleet, node);
      await stall.reached();
      await node.powerCut();
      await node.until('up');
      await stall.release();
      await cut;
      const host = await undone(node);
      expect([when, await contents(node)]).toEqual([when, before]);
      const record = await recordOf(node);
      expect([when, record.pending, record.files, record.ownedArguments]).toEqual([when, [], {}, {}]);
      expect([when, host.failure]).toEqual([when, null]);
    }
  });

  it('is followed by an apply as well as by an undo', async () => {
    const node = fresh(debian);
    const before = await contents(node);
    await apply(node);
    const applied = await contents(node);
    const stall = await stallBefore(node, 'rm', '/etc/default/grub.d/99-vfleet.cfg');
    const cut = undo(fleet, node);
    await stall.reached();
    await node.powerCut();
    await node.until('up');
    await stall.release();
    await cut;
    await apply(node);
    expect(await contents(node)).toEqual(applied);
    await undone(node);
    expect(await contents(node)).toEqual(before);
  });

  it.each([
    ['while the write script is sent', { cutInput: { skip: 3, afterBytes: 3_000 } }],
    ['while the write script answers', { cutOutput: { skip: 3, afterBytes: 60 } }],
    ['while the boot configuration is generated', { cutOutput: { skip: 4, afterBytes: 40 } }],
  ] as const)('by a lost link %s costs nothing: it goes on by itself', async (_, faults) => {
    const node = linkNode ?? fresh(debian);
    linkNode = node;
    const before = await contents(node);
    await apply(node);
    await node.setFaults(faults);
    const host = await undone(node);
    expect(await contents(node)).toEqual(before);
    expect(host.rebootDue).toContain('iommu=pt');
    await node.setFaults({});
  });
  let linkNode: LabNode | null = null;
});

describe('backups', () => {
  it('are listed by run with what the run was, restored, and removed but for those that an undo may need', async () => {
    const node = fresh(debian);
    const at = path.join(node.root, 'etc/initramfs-tools/conf.d/mine');
    await mkdir(path.dirname(at), { recursive: true });
    await writeFile(at, 'first\n');
    const version = (number: number) =>
      playbookOf(fleet, 'Files', [`file('/etc/initramfs-tools/conf.d/mine', 'MODULES=dep # ${number}\\n')`]);
    for (const number of [1, 2, 3]) await apply(node, await version(number));
    const listed = (await task(fleet, node, 'backups', { kind: 'backups', keep: null })).host.backups ?? [];
    expect(listed.map(({ about, files, needed }) => [about, files, needed])).toEqual(
      [true, false, false].map((needed) => [
        { command: 'apply', playbook: 'Files' },
        ['/etc/initramfs-tools/conf.d/mine'],
        needed,
      ]),
    );
    const second = listed[1]?.run ?? '';

    const restored = await task(fleet, node, 'restore', { kind: 'restore', run: second });
    expect([restored.host.failure, restored.code, restored.host.writes]).toEqual([null, 0, 1]);
    expect(await text(node, 'etc/initramfs-tools/conf.d/mine')).toBe('MODULES=dep # 1\n');
    expect(restored.host.settled).toMatchObject([{ kind: 'initramfs' }]);
    expect((await task(fleet, node, 'restore', { kind: 'restore', run: second })).host.writes).toBe(0);

    const pruned = await task(fleet, node, 'backups', { kind: 'backups', keep: 1 });
    const [first, , third] = listed;
    expect(pruned.host.oldBackups).toEqual([third?.run, second]);
    // What was restored is backed up itself.
    expect(pruned.host.backups?.map(({ about }) => about?.command)).toEqual(['apply', 'restore']);
    expect(pruned.host.backups?.[0]?.run).toBe(first?.run);

    const host = await undone(node, { name: 'Files', force: true });
    expect(host.writes).toBe(1);
    expect(await text(node, 'etc/initramfs-tools/conf.d/mine')).toBe('first\n');
  });

  it('of a file with kernel arguments make the boot configuration due, and a reboot', async () => {
    const node = fresh(centos);
    const before = await contents(node);
    await apply(node);
    const [backup] = (await task(fleet, node, 'backups', { kind: 'backups', keep: null })).host.backups ?? [];
    expect(backup?.files).toEqual(['/etc/default/grub']);
    const { host } = await task(fleet, node, 'restore', { kind: 'restore', run: backup?.run ?? '' });
    expect([host.failure, host.settled.map((effect) => effect.kind)]).toEqual([null, ['boot-configuration']]);
    expect(host.rebootDue).toContain('/etc/default/grub');
    await rm(path.join(node.root, 'etc/modules-load.d/vfio.conf'));
    expect(await contents(node)).toEqual(before);
    expect(node.counters.reboots).toBe(1);
  });
});

it('a file that a playbook does not name any more stays, and its runs say so', async () => {
  const node = fresh(debian);
  await apply(node, await playbookOf(fleet, 'Files', [`file('/etc/one', '1\\n')`, `file('/etc/two', '2\\n')`]));
  const { host } = await fleet.one('plan', node.name, {
    playbook: await playbookOf(fleet, 'Files', [`file('/etc/one', '1\\n')`]),
  });
  expect(host.warnings.join('\n')).toMatch(/not named in it any more: \/etc\/two; it stays until `vfleet undo`/);
  await undone(node, { name: 'Files' });
  expect((await readdir(path.join(node.root, 'etc'))).filter((name) => ['one', 'two'].includes(name))).toEqual([]);
});

import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Leftover } from '../../src/host/leftovers/finding.ts';
import { installerPaths } from '../../src/host/leftovers/installer-files.ts';
import { parseRecord } from '../../src/host/record.ts';
import { renderJson } from '../../src/report/json.ts';
import { renderPlans } from '../../src/report/text/plans.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { playbookOf, undo } from './undo-steps.ts';

const grub = '/etc/default/grub';
const modules = '/etc/modules-load.d/vfio.conf';
const damaged = 'resume=UUID=UUID=UUID=UUID=8f0c1d2e-5b7a-4c39-9e1f-2a6d4b8c7e10';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'left', kind: 'installer-prepared' },
    { name: 'twin', kind: 'installer-prepared' },
    { name: 'adopted', kind: 'installer-prepared' },
    { name: 'clean', kind: 'debian-12-intel' },
  ]);
}, 120_000);
afterAll(() => fleet?.stop());

const fileOf = (node: string, file: string): string => path.join(fleet.lab.node(node).root, file);

async function digests(node: string, files: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const entries = files.map(async (file) => {
    const bytes = await readFile(fileOf(node, file)).catch(() => null);
    return [file, bytes === null ? 'absent' : createHash('sha256').update(bytes).digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function recordOf(node: string) {
  return parseRecord(await readFile(fileOf(node, '/var/lib/vfleet/state.json'), 'utf8'));
}

const at = (leftovers: readonly Leftover[], place: string): readonly Leftover[] =>
  leftovers.filter((leftover) => leftover.place.startsWith(place));

describe('a host that the Cloudpods installer has prepared', () => {
  it('has everything that was left there named in the plan, with what becomes of it', async () => {
    const { summary } = await fleet.run('plan', { args: { limit: ['left:twin'] } });
    const [left, twin] = summary.hosts;
    expect(left?.failure).toBeNull();
    const found = left?.leftovers ?? [];
    for (const file of installerPaths) expect(at(found, file), file).not.toEqual([]);
    expect(at(found, modules)).not.toEqual([]);
    const tokens = at(found, grub).map((leftover) => leftover.found);
    expect(tokens).toEqual(
      expect.arrayContaining([
        damaged,
        'rdblacklist=nouveau',
        'hugepagesz=1G default_hugepagesz=1G',
        'iommu=pt intel_iommu=on vfio_iommu_type1.allow_unsafe_interrupts=1',
      ]),
    );
    expect(found.every(({ fate }) => fate !== '')).toBe(true);
    expect(twin?.leftovers).toEqual(found);

    // In the text each stands once, for all hosts that have it; the document has them too.
    const text = renderPlans(summary.hosts, { colour: false });
    expect(text).toContain('left from before vfleet:\n');
    expect(text.match(/today: modprobe runs that command in the place of loading vfio_pci/g)).toHaveLength(1);
    expect(text).toContain(`2 hosts: ${grub} GRUB_CMDLINE_LINUX: ${damaged} (left, twin)`);
    expect(JSON.parse(renderJson(summary, 'plan')).hosts[0].leftovers).toEqual(found);
  });

  it('keeps all of it without --adopt, and none of it becomes ours', async () => {
    const files = [...installerPaths, grub];
    const before = await digests('left', files);
    const lines = await readFile(fileOf('left', modules), 'utf8');
    expect((await fleet.one('apply', 'left')).host.failure).toBeNull();
    expect(await digests('left', files)).toEqual(before);
    expect(await readFile(fileOf('left', modules), 'utf8')).toBe(`${lines}vfio_virqfd\n`);
    const record = await recordOf('left');
    expect(Object.keys(record.files)).toEqual([modules]);
    expect(Object.values(record.lines)).toEqual([{ [modules]: ['vfio_virqfd'] }]);
    expect(Object.values(record.ownedArguments).flatMap((owned) => Object.values(owned).flat())).toEqual([]);
    expect((await fleet.one('apply', 'left')).host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
  });
});

describe('--adopt', () => {
  it('shows what it would take over, writing nothing', async () => {
    const before = await digests('adopted', [...installerPaths, grub, modules]);
    const { host, code } = await fleet.one('plan', 'adopted', { adopt: true });
    expect(code).toBe(2);
    const shown = host.plan?.changes.map(({ resource, summary }) => `${resource}: ${summary}`) ?? [];
    expect(shown.join('\n')).toMatch(/take over intel_iommu=on iommu=pt vfio_iommu_type1\S+ in \/etc\/default\/grub/);
    expect(shown.join('\n')).toMatch(/take over vfio vfio_iommu_type1 vfio_pci as they stand there/);
    expect(host.plan?.changes.find(({ resource }) => resource.startsWith('files of'))?.notes).toEqual(installerPaths);
    expect(await digests('adopted', [...installerPaths, grub, modules])).toEqual(before);
    await expect(readFile(fileOf('adopted', '/var/lib/vfleet/state.json'))).rejects.toThrow();
  });

  it('takes over what matches, once, and changes nothing of it', async () => {
    const files = [...installerPaths, grub];
    const before = await digests('adopted', files);
    const { host } = await fleet.one('apply', 'adopted', { adopt: true });
    expect(host.failure).toBeNull();
    expect(await digests('adopted', files)).toEqual(before);
    const record = await recordOf('adopted');
    expect(Object.keys(record.files).sort()).toEqual([...files, modules].sort());
    expect(record.ownedArguments['PCI passthrough']?.[grub]).toEqual([
      'intel_iommu=on',
      'iommu=pt',
      'vfio_iommu_type1.allow_unsafe_interrupts=1',
    ]);

    const again = await fleet.one('apply', 'adopted', { adopt: true });
    expect(again.host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
    // What is ours is no leftover any more; what nobody took over still is.
    expect(again.host.leftovers.map(({ found }) => found)).toEqual(expect.arrayContaining([damaged]));
    for (const file of installerPaths) expect(at(again.host.leftovers, file), file).toEqual([]);
  });
});

describe('undo after --adopt', () => {
  it('leaves nothing of the installer’s files, takes out what was wished for, and keeps what is damaged', async () => {
    const node = fleet.lab.node('adopted');
    const before = await readFile(fileOf('adopted', grub), 'utf8');
    const { host } = await undo(fleet, node);
    expect(host.failure).toBeNull();
    for (const file of [...installerPaths, modules])
      await expect(lstat(fileOf('adopted', file)), file).rejects.toThrow();
    const left = before
      .replace(' iommu=pt', '')
      .replace(' intel_iommu=on', '')
      .replace(' vfio_iommu_type1.allow_unsafe_interrupts=1', '');
    expect(await readFile(fileOf('adopted', grub), 'utf8')).toBe(left);
    expect(left).toContain(damaged);
    // No initramfs that is left has the hook in it.
    const images = (await readdir(fileOf('adopted', 'boot'))).filter((name) => name.startsWith('initramfs-'));
    expect(images).not.toEqual([]);
    for (const image of images)
      expect(await readFile(fileOf('adopted', path.join('boot', image)), 'utf8'), image).not.toContain(
        'vfio-pci-override',
      );
    expect(host.rebootDue).toContain('iommu=pt');
    expect((await fleet.one('plan', 'adopted')).host.leftovers.map(({ place }) => place)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/modprobe|modules-load|dracut|usr/)]),
    );
  });
});

it('a host that would boot with a damaged argument that it needs, and never has, is refused with what was left told', async () => {
  const text = await readFile(fileOf('twin', grub), 'utf8');
  await writeFile(fileOf('twin', grub), text.replace('quiet', 'quiet rd.luks.name=ab=ab=cd'));
  const playbook = await playbookOf(fleet, 'Another', ['kernelArguments({ nomodeset: true })']);
  const { host } = await fleet.one('apply', 'twin', { playbook });
  expect([host.state, host.failure?.code, host.writes]).toEqual(['refused', 'boot.damaged', 0]);
  expect(host.failure?.expected).toBe('rd.luks.name=ab=cd');
  expect(at(host.leftovers, '/etc/modprobe.d/vfio.conf')).not.toEqual([]);
});

it('a host that nobody has prepared has no leftovers, before and after', async () => {
  expect((await fleet.one('plan', 'clean')).host.leftovers).toEqual([]);
  expect((await fleet.one('apply', 'clean')).host).toMatchObject({ failure: null, leftovers: [] });
  expect((await fleet.one('apply', 'clean', { adopt: true })).host).toMatchObject({ writes: 0, leftovers: [] });
});

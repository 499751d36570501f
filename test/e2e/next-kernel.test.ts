import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MachineKind } from '../../src/lab/machine.ts';
import { builtinMachineKinds } from '../../src/lab/machine-kind.ts';
import type { LabNode } from '../../src/lab/node.ts';
import { type Fleet, startFleet } from './fleet.ts';

/** Has `vfio_virqfd`, and runs at first. */
const older = '6.1.0-18-amd64';
/** Has it folded into vfio, as Linux 6.2 and later, and a module of its own that the older one lacks. */
const newer = '6.12.9-amd64';

/** Debian 12 with a kernel of its backports. */
async function twoKernels(): Promise<MachineKind> {
  const kind = (await builtinMachineKinds()).find(({ name }) => name === 'debian-12-intel');
  const first = kind?.settings.kernels.find(({ release }) => release === older);
  if (kind === undefined || first === undefined) throw new Error('no such kind');
  const modules = [...first.modules.filter((name) => name !== 'vfio_virqfd'), 'iommufd'];
  const kernels = [first, { ...first, release: newer, version: '#1 SMP Debian 6.12.9-1', modules }];
  return { ...kind, name: 'debian-12-two-kernels', settings: { ...kind.settings, kernels } };
}

let fleet: Fleet;
let node: LabNode;
beforeAll(async () => {
  fleet = await startFleet([{ name: 'node', kind: await twoKernels() }]);
  node = fleet.lab.node('node');
}, 120_000);
afterAll(() => fleet?.stop());

const at = (file: string): string => path.join(node.root, file);
const modulesFile = (): Promise<string> => readFile(at('etc/modules-load.d/vfio.conf'), 'utf8');

async function running(): Promise<string> {
  return (await readFile(at('proc/sys/kernel/osrelease'), 'utf8')).trim();
}

/** What the plan says of the modules: its notes. */
async function notes(playbook?: string): Promise<readonly string[]> {
  const { host } = await fleet.one('plan', 'node', playbook === undefined ? {} : { playbook });
  expect(host.failure).toBeNull();
  return (
    host.plan?.changes.filter(({ resource }) => resource.startsWith('modules')).flatMap((change) => change.notes) ?? []
  );
}

/** The entry of another kernel becomes the default one, as by GRUB_DEFAULT and update-grub. */
async function choose(entry: string, replace: (config: string) => string = (text) => text): Promise<void> {
  const grub = await readFile(at('etc/default/grub'), 'utf8');
  await writeFile(at('etc/default/grub'), grub.replace(/^GRUB_DEFAULT=.*$/m, `GRUB_DEFAULT="${entry}"`));
  const config = await readFile(at('boot/grub/grub.cfg'), 'utf8');
  await writeFile(at('boot/grub/grub.cfg'), replace(config).replace(/set default="[^$"]*"/, `set default="${entry}"`));
}

describe('modules are decided for the kernel that will boot', () => {
  it('when that is newer than the one that runs: what only the next one has is not loaded now', async () => {
    expect(await running()).toBe(older);
    await choose('1>2', (config) => config.replaceAll('6.1.0-17-amd64', newer));
    expect((await fleet.one('facts', 'node')).host.facts?.kernel).toMatchObject({ running: older, next: newer });
    const playbook = path.join(fleet.folder, 'iommufd.ts');
    await writeFile(
      playbook,
      `import { modulesToLoad, playbook } from 'vfleet';
export default playbook({ name: 'iommufd', async apply(host) {
  await host.ensure(modulesToLoad('iommufd.conf', ['iommufd']));
  await host.settle();
} });
`,
    );
    expect(await notes(playbook)).toEqual([
      `decided for ${newer}, the kernel that will boot (${older} runs now); iommufd: not loaded now, as ${older} has no such module`,
    ]);
    const { host } = await fleet.one('apply', 'node', { playbook });
    expect(host).toMatchObject({ state: 'ok', settled: [], writes: 1, reboots: 0 });
  });

  it('and vfio.conf is right for it: no vfio_virqfd, though the one that runs has it', async () => {
    // What apply generates has the newest kernel first.
    await writeFile(at('etc/default/grub'), (await readFile(at('etc/default/grub'), 'utf8')).replace('"1>2"', '0'));
    expect(await notes()).toEqual([`decided for ${newer}, the kernel that will boot (${older} runs now)`]);
    const { host } = await fleet.one('apply', 'node');
    expect([host.failure, host.reboots, await running()]).toEqual([null, 1, newer]);
    expect(await modulesFile()).toBe('vfio\nvfio_iommu_type1\nvfio_pci\n');
    expect((await fleet.one('apply', 'node')).host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
  });

  it('when that is older: vfio_virqfd is listed, and not loaded into a kernel that has none', async () => {
    await choose('1>2');
    expect((await fleet.one('facts', 'node')).host.facts?.kernel).toMatchObject({ running: newer, next: older });
    expect(await notes()).toEqual([
      `decided for ${older}, the kernel that will boot (${newer} runs now); vfio_virqfd: not loaded now, as ${newer} has no such module`,
    ]);
    const { host } = await fleet.one('apply', 'node');
    expect(host.failure).toBeNull();
    expect(host).toMatchObject({ state: 'ok', settled: [], writes: 1, reboots: 0 });
    expect(await modulesFile()).toBe('vfio\nvfio_iommu_type1\nvfio_pci\nvfio_virqfd\n');
    await node.powerCut();
    await node.until('up');
    expect(await running()).toBe(older);
    expect((await fleet.one('verify', 'node')).code).toBe(0);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vmKinds } from '../../../src/lab/vm/kind.ts';
import { canRun } from '../../ssh/requirements.ts';
import { expectPrepared } from '../expected.ts';
import { look } from '../machine.ts';
import { type Nodes, needed, startNodes, watchFailures } from '../nodes.ts';

/** These are in prepare.test.ts and dracut.test.ts, which run too. */
const elsewhere = ['debian-12-intel-bios', 'debian-13-amd-uefi', 'debian-12-vtd-off', 'debian-12-dracut'];

/** What was run is kept test by test: which kinds it was run on as well. */
const namesOf = (kinds: readonly { readonly name: string }[]): string => kinds.map(({ name }) => name).join(', ');

/** A release at a time: six nodes fit into 10 GiB. */
describe.runIf(canRun('virtual nodes', needed)).each(['debian-11', 'debian-12', 'debian-13'])(
  'every kind of %s',
  (release) => {
    const kinds = vmKinds.filter(({ name }) => name.startsWith(release) && !elsewhere.includes(name));
    const able = kinds.filter(({ iommu }) => iommu).map(({ name }) => name);
    const byGrub = kinds.filter(({ recipe }) => recipe.loader === undefined).map(({ name }) => name);
    const unable = kinds.filter(({ iommu }) => !iommu).map(({ name }) => name);
    const bootIds = new Map<string, string>();
    let nodes: Nodes;

    beforeAll(async () => {
      nodes = await startNodes(Object.fromEntries(kinds.map(({ name }) => [name, name])));
    });
    const failed = watchFailures();
    afterAll(() => nodes?.stop(failed()));

    it(`has the root disk where its kind says: ${namesOf(kinds)}`, async () => {
      for (const { name, rootDisk } of kinds) {
        const source = await nodes.on(name, 'findmnt --noheadings --output SOURCE /');
        expect(source, name).toMatch(rootDisk === 'nvme' ? /^\/dev\/nvme\dn1p2\n$/ : /^\/dev\/vda2\n$/);
      }
    });

    it(`is prepared with one reboot; with VT-d off refused: ${namesOf(kinds)}`, async () => {
      const { code, stdout, stderr } = await nodes.vfleet(['apply', 'passthrough', '--yes', '-p', '2']);
      expect(code, stdout + stderr).toBe(unable.length > 0 ? 3 : 0);
      for (const name of able) {
        bootIds.set(name, (await expectPrepared(nodes, name, name)).bootId);
        expect((await nodes.node(name)).boots, name).toBe(2);
        if (byGrub.includes(name)) await nodes.on(name, 'sudo grub-script-check /boot/grub/grub.cfg');
      }
      for (const name of unable) {
        expect((await look(nodes, name)).modulesToLoad, name).toBeNull();
        expect((await nodes.node(name)).boots, name).toBe(1);
      }
    });

    it(`verifies, and is not touched by a second apply: ${able.join(', ')}`, async () => {
      const limit = ['-l', able.join(':'), '-p', '2'];
      const verified = await nodes.vfleet(['verify', 'passthrough', ...limit]);
      expect(verified.code, verified.stdout + verified.stderr).toBe(0);
      const again = await nodes.vfleet(['apply', 'passthrough', '--yes', ...limit]);
      expect(again.code, again.stdout + again.stderr).toBe(0);
      for (const name of able) {
        expect((await look(nodes, name)).bootId, name).toBe(bootIds.get(name));
        expect((await nodes.node(name)).boots, name).toBe(2);
      }
    });
  },
);

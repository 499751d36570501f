import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from './fleet.ts';
import { contents, running, undo } from './undo-steps.ts';

const kinds = { debian: 'debian-12-intel', centos: 'centos-7-intel', rocky: 'rocky-9.4-intel' } as const;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(Object.entries(kinds).map(([name, kind]) => ({ name, kind })));
}, 120_000);
afterAll(() => fleet?.stop());

/** A playbook with an `ensure` for each of these wishes. */
async function playbookOf(...wishes: readonly string[]): Promise<string> {
  const file = path.join(fleet.folder, `two-${wishes.join('-').replace(/\W+/g, '_')}.ts`);
  const ensures = wishes.map((wish) => `await host.ensure(kernelArguments({ ${wish} }));`);
  await writeFile(
    file,
    `import { kernelArguments, playbook } from 'vfleet';
export default playbook({ name: 'Two', async apply(host) { ${ensures.join('\n')} await host.settle(); } });
`,
  );
  return file;
}

describe.each(Object.keys(kinds))('a playbook that wishes for arguments in two ensures, on %s', (name) => {
  const apply = async (...wishes: readonly string[]) => {
    const { host } = await fleet.one('apply', name, { playbook: await playbookOf(...wishes) });
    expect(host.failure?.message ?? null).toBeNull();
    return host;
  };
  const node = () => fleet.lab.node(name);

  it('is done once, replaces what is its own in either of them, and is undone', async () => {
    const before = await contents(node());
    const [pt, off] = [`iommu: 'pt'`, `mitigations: 'off'`];
    expect(await apply(pt, off)).toMatchObject({ writes: 2, reboots: 1 });
    expect(await apply(pt, off)).toMatchObject({ writes: 0, reboots: 0, warnings: [] });
    const planned = await fleet.one('plan', name, { playbook: await playbookOf(pt, off) });
    expect([planned.code, planned.host.plan?.changes]).toEqual([0, []]);

    // A changed value, in the second and then in the first one.
    expect(await apply(pt, `mitigations: 'auto'`)).toMatchObject({ writes: 1, reboots: 1, warnings: [] });
    expect(await running(node())).not.toContain('mitigations=off');
    expect(await apply(`iommu: 'nopt'`, `mitigations: 'auto'`)).toMatchObject({ writes: 1, reboots: 1 });
    expect(await running(node())).toEqual(expect.arrayContaining(['iommu=nopt', 'mitigations=auto']));
    expect(await running(node())).not.toContain('iommu=pt');

    // An ensure that is gone leaves what it set, as a file that is not named any more stays, and says so.
    const left = await apply(`iommu: 'nopt'`);
    expect(left.writes).toBe(0);
    expect(left.warnings.join()).toContain('mitigations=auto; it stays until `vfleet undo`');

    const undone = await undo(fleet, node(), { name: 'Two' });
    expect(undone.host.failure?.message ?? null).toBeNull();
    expect(await contents(node())).toEqual(before);
    // Nothing of either is left to be taken for the playbook's own later.
    const record = JSON.parse(await readFile(path.join(node().root, 'var/lib/vfleet/state.json'), 'utf8'));
    expect([record.ownedArguments.Two, record.steps?.Two]).toEqual([undefined, undefined]);
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from './fleet.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'debian', kind: 'debian-12-intel' },
    { name: 'centos', kind: 'centos-7-intel' },
    { name: 'disturbed', kind: 'debian-12-intel' },
  ]);
}, 120_000);
afterAll(() => fleet?.stop());

/** Another playbook, which wishes for one argument. */
async function playbookWishing(name: string, value: string): Promise<string> {
  const file = path.join(fleet.folder, `other-${name}.ts`);
  await writeFile(
    file,
    `import { kernelArguments, playbook } from 'vfleet';
export default playbook({
  name: 'Another playbook',
  async apply(host) {
    await host.ensure(kernelArguments({ ${name}: ${value} }));
    await host.settle();
  },
});
`,
  );
  return file;
}

describe.each(['debian', 'centos'])('two playbooks that both set kernel arguments, on %s', (name) => {
  const running = async (): Promise<readonly string[]> =>
    (await readFile(path.join(fleet.lab.node(name).root, 'proc/cmdline'), 'utf8')).trim().split(' ');

  it('leave each other alone, and replace only what is their own', async () => {
    const before = await running();
    expect((await fleet.one('apply', name)).host.failure).toBeNull();
    const first = await playbookWishing('nomodeset', 'true');
    expect((await fleet.one('apply', name, { playbook: first })).host.failure).toBeNull();
    expect(await running()).toEqual(expect.arrayContaining([...before, 'intel_iommu=on', 'iommu=pt', 'nomodeset']));

    // The first playbook has nothing to do because of the second.
    expect((await fleet.one('plan', name)).host.plan?.changes).toEqual([]);

    // A changed wish takes away what the same playbook had added, and nothing else.
    const changed = await playbookWishing('pcie_aspm', "'off'");
    expect((await fleet.one('apply', name, { playbook: changed })).host.failure).toBeNull();
    const after = await running();
    expect(after).toEqual(expect.arrayContaining([...before, 'intel_iommu=on', 'iommu=pt', 'pcie_aspm=off']));
    expect(after).not.toContain('nomodeset');
    expect((await fleet.one('apply', name)).host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
  });
});

it('what changes between the reading and the writing is seen, and nothing is written', async () => {
  expect((await fleet.one('apply', 'disturbed')).host.state).toBe('ok');
  const drop = path.join(fleet.lab.node('disturbed').root, 'etc/default/grub.d/99-vfleet.cfg');
  const before = await readFile(drop, 'utf8');
  const file = path.join(fleet.folder, 'disturbed.ts');
  // Guards run in the read script after the files were read: this one plays the person who edits at the same moment.
  await writeFile(
    file,
    `import { command, kernelArguments, playbook, sh } from 'vfleet';
export default playbook({
  name: 'Disturbed',
  async apply(host) {
    await host.ensure(
      kernelArguments({ debug: true }),
      command('never', sh\`true\`, { unless: sh\`echo '# by hand' >>/etc/default/grub.d/99-vfleet.cfg\` }),
    );
  },
});
`,
  );
  const { host } = await fleet.one('apply', 'disturbed', { playbook: file });
  expect(host.failure?.code).toBe('host.changed');
  expect(host.failure?.thing).toContain('/etc/default/grub.d/99-vfleet.cfg');
  expect([host.state, host.writes]).toEqual(['failed', 0]);
  expect(await readFile(drop, 'utf8')).toBe(`${before}# by hand\n`);
});

import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadInventory } from '../../../src/inventory/load.ts';
import { makeOperatorKey, writeAccess } from '../../../src/lab/vm/access.ts';
import { type StoredLab, writeLab } from '../../../src/lab/vm/lab-file.ts';
import { type NodeWish, usualNodes } from '../../../src/lab/vm/nodes-file.ts';
import { bringDown, bringUp, logIn, reset, status } from '../../../src/lab/vm/vm-lab.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const nodes = usualNodes.map(({ kind, ...wish }, index) => ({
  ...wish,
  kind: kind.name,
  port: 20_000 + index,
  hostKey: `ssh-ed25519 AAAA${index} ${wish.name}`,
}));

/** A lab whose nodes are off. */
async function labThatIsOff(): Promise<string> {
  const folder = temporaryFolder('vm-lab');
  const operatorKey = (await makeOperatorKey(folder)).publicLine;
  const lab: StoredLab = { version: 1, accelerator: 'tcg', operatorKey, nodes };
  await writeLab(folder, lab);
  await writeAccess(folder, lab);
  return folder;
}

const options = (folder: string) => ({
  folder,
  cache: join(folder, 'cache'),
  accelerator: 'auto' as const,
  onStep: () => {},
});

describe('a lab of virtual nodes', () => {
  it('shows its nodes as off when they are', async () => {
    const folder = await labThatIsOff();
    const { accelerator, inventory, nodes: found } = await status(folder);
    expect([accelerator, inventory]).toEqual(['tcg', join(folder, 'inventory.yaml')]);
    expect(found.map(({ name, state, process, boots }) => [name, state, process, boots])).toEqual(
      nodes.map(({ name }) => [name, 'off', null, 0]),
    );
  });

  it('has an inventory that pins every host key and logs in with the key of the lab', async () => {
    const folder = await labThatIsOff();
    const { hosts, warnings } = await loadInventory(join(folder, 'inventory.yaml'));
    expect(warnings).toEqual([]);
    expect(hosts.map(({ name, rack, ssh }) => [name, rack, ssh.address, ssh.port, ssh.user, ssh.elevate])).toEqual(
      nodes.map(({ name, rack, port }) => [name, rack, '127.0.0.1', port, 'vfleet', 'sudo']),
    );
    for (const { ssh } of hosts) {
      expect(await readFile(String(ssh.keyFile), 'utf8')).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----/);
    }
    expect(await readFile(join(folder, 'known_hosts'), 'utf8')).toBe(
      nodes.map(({ port }, index) => `[127.0.0.1]:${port} ssh-ed25519 AAAA${index}\n`).join(''),
    );
  });

  it('that is not there is said so, with what to do', async () => {
    const folder = temporaryFolder('vm-lab');
    const expected = { code: 'lab.no-lab', message: expect.stringContaining('next: vfleet lab vm up') };
    await expect(status(folder)).rejects.toMatchObject(expected);
    await expect(logIn(folder, 'intel')).rejects.toMatchObject(expected);
  });

  it.each(['inventory.yaml', 'id_ed25519', 'known_hosts', 'nodes'])(
    "does not come up in a folder that has somebody's own %s",
    async (name) => {
      const folder = temporaryFolder('vm-lab');
      await writeFile(join(folder, name), 'mine');
      await expect(bringUp(null, options(folder))).rejects.toMatchObject({
        code: 'lab.vm-folder',
        message: expect.stringMatching(new RegExp(`found ${name}; next: name another --directory`)),
      });
      await expect(bringDown(folder)).rejects.toMatchObject({ code: 'lab.no-lab' });
      expect(await readFile(join(folder, name), 'utf8')).toBe('mine');
      expect(await readdir(folder)).toEqual([name]);
    },
  );

  it('needs a folder, and makes none to say that nothing is there', async () => {
    const folder = temporaryFolder('vm-lab');
    const [file, missing] = [join(folder, 'file'), join(folder, 'missing')];
    await writeFile(file, '');
    await expect(bringUp(null, options(file))).rejects.toMatchObject({ code: 'lab.vm-folder' });
    await expect(bringDown(missing)).rejects.toMatchObject({ code: 'lab.no-lab' });
    await expect(reset([], options(missing))).rejects.toMatchObject({ code: 'lab.no-lab' });
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('goes with what it made, and leaves other files in its folder', async () => {
    const folder = await labThatIsOff();
    await writeFile(join(folder, 'notes.txt'), 'mine');
    expect(await bringDown(folder)).toEqual(['intel', 'amd', 'vtd-off']);
    expect(await readdir(folder)).toEqual(['notes.txt']);
  });

  it('is the same one by every name of its folder', async () => {
    const folder = await labThatIsOff();
    const other = join(temporaryFolder('vm-lab'), 'link');
    await symlink(folder, other);
    expect((await status(other)).nodes.map((node) => node.console)).toEqual(
      nodes.map(({ name }) => join(folder, 'nodes', name, 'console.log')),
    );
  });

  it('guesses at the name of a node that it does not have', async () => {
    const folder = await labThatIsOff();
    const expected = {
      code: 'lab.no-node',
      message: 'node intle: expected one of intel, amd, vtd-off, found no node of that name, did you mean "intel"?',
    };
    await expect(logIn(folder, 'intle')).rejects.toMatchObject(expected);
    await expect(reset(['intle'], options(folder))).rejects.toMatchObject(expected);
  });

  it.each<[string, readonly NodeWish[], RegExp]>([
    ['fewer nodes', usualNodes.slice(1), /expected amd .*found a lab with amd .*intel/],
    ['another rack', usualNodes.map((wish) => ({ ...wish, rack: 'r9' })), /rack r9.*found.*rack r1/],
    ['more memory', usualNodes.map((wish) => ({ ...wish, memory: 2048 })), /2048 MiB.*found.*1024 MiB/],
    ['other variables', usualNodes.map((wish) => ({ ...wish, vars: { site: 'x' } })), /\{"site":"x"\}/],
  ])('refuses to come up as one with %s', async (_, wishes, said) => {
    const folder = await labThatIsOff();
    await expect(bringUp(wishes, options(folder))).rejects.toMatchObject({
      code: 'lab.vm-other-nodes',
      message: expect.stringMatching(said),
      parts: { next: expect.stringContaining('lab vm down') },
    });
    expect((await status(folder)).nodes.map(({ name }) => name)).toEqual(['intel', 'amd', 'vtd-off']);
  });
});

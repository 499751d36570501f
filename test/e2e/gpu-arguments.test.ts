import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { logIn } from '../lab/client.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { contents, recordOf, running, undo } from './undo-steps.ts';

const both = ['rd.driver.blacklist=nouveau', 'rdblacklist=nouveau'];

let fleet: Fleet;
let playbook: string;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'el7', kind: 'centos-7-intel' },
    { name: 'el7-by-hand', kind: 'centos-7-intel' },
    { name: 'el8', kind: 'rocky-8-intel' },
    { name: 'el9', kind: 'rocky-9.4-intel' },
    { name: 'debian', kind: 'debian-12-intel' },
  ]);
  playbook = path.join(fleet.folder, 'away.ts');
  const text = `import { gpuArguments, kernelArguments, playbook, z } from 'vfleet';
export default playbook({ name: 'Away', vars: z.object({}), async apply(host) {
  await host.ensure(kernelArguments(gpuArguments(host.facts, ['nouveau'])));
  await host.settle();
} });
`;
  await writeFile(playbook, text);
}, 180_000);
afterAll(() => fleet?.stop());

const blacklists = async (node: LabNode): Promise<readonly string[]> =>
  (await running(node)).filter((token) => /blacklist=/.test(token));
const owned = async (node: LabNode): Promise<readonly string[]> => {
  const places = (await recordOf(node)).ownedArguments['Away'] ?? {};
  return [...new Set(Object.values(places).flat())];
};

async function applied(name: string): Promise<LabNode> {
  const node = fleet.lab.node(name);
  const { host } = await fleet.one('apply', name, { playbook });
  expect([host.failure?.message ?? null, host.state, host.reboots]).toEqual([null, 'ok', 1]);
  const again = await fleet.one('apply', name, { playbook });
  expect(again.host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
  return node;
}

it.concurrent.each([
  ['el7', both],
  ['el8', both],
  ['el9', both],
  ['debian', ['modprobe.blacklist=nouveau']],
])('%s: drivers of GPUs are kept away by %j, and an undo takes out just that', async (name, expected) => {
  const before = await contents(fleet.lab.node(name));
  const node = await applied(name);
  expect(await blacklists(node)).toEqual(expected);
  const { host } = await undo(fleet, node, { name: 'Away' });
  expect([host.failure?.message ?? null, host.state]).toEqual([null, 'ok']);
  expect(await contents(node)).toEqual(before);
});

it('a name that stands there by hand is neither doubled nor owned, and stays after the undo', async () => {
  const node = fleet.lab.node('el7-by-hand');
  const file = path.join(node.root, 'etc/default/grub');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(/(?<=GRUB_CMDLINE_LINUX="[^"]*)"/, ' rdblacklist=nouveau"'));
  const client = await logIn(fleet.lab, node.name);
  expect(await client.run('grub2-mkconfig -o /boot/grub2/grub.cfg')).toMatchObject({ end: 0 });
  client.end();
  const before = await contents(node);
  await applied(node.name);
  expect(await blacklists(node)).toEqual(['rdblacklist=nouveau', 'rd.driver.blacklist=nouveau']);
  expect(await owned(node)).toEqual(['rd.driver.blacklist=nouveau', 'nouveau.modeset=0']);
  await undo(fleet, node, { name: 'Away' });
  expect(await contents(node)).toEqual(before);
});

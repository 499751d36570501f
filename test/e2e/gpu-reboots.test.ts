import { readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Fleet, startFleet } from './fleet.ts';

const gpu = fileURLToPath(new URL('../../playbooks/gpu.ts', import.meta.url));
const card = '0000:31:00.0';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([{ name: 'on', kind: 'debian-12-devices' }]);
}, 120_000);
afterAll(() => fleet?.stop());

const driver = (): Promise<string> =>
  readlink(path.join(fleet.lab.node('on').root, 'sys/bus/pci/devices', card, 'driver')).then(path.basename);

// Nothing is blacklisted, as another card of the vendor stays: nouveau has this one until a boot with the rule.
it('a GPU whose driver has it, and arguments, take one reboot together where the IOMMU is on', async () => {
  const playbook = path.join(fleet.folder, 'on.ts');
  const text = `import { kernelArguments, playbook, z } from 'vfleet';
export default playbook({ name: 'On', description: 'Turns the IOMMU on.', vars: z.object({}), async apply(host) {
  await host.ensure(kernelArguments({ intel_iommu: 'on' }));
  await host.settle();
} });
`;
  await writeFile(playbook, text);
  const first = await fleet.one('apply', 'on', { playbook });
  expect([first.host.failure, first.host.reboots]).toEqual([null, 1]);
  expect(await driver()).toBe('nouveau');
  const vars = path.join(fleet.folder, 'vars.json');
  await writeFile(vars, JSON.stringify({ devices: [card] }));
  const { host, code } = await fleet.one('apply', 'on', { playbook: gpu, args: { extraVars: [`@${vars}`] } });
  expect(host.failure).toBeNull();
  expect(host.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
  expect([host.reboots, code]).toEqual([1, 0]);
  expect(await driver()).toBe('vfio-pci');
}, 120_000);

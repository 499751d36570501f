import { existsSync } from 'node:fs';
import { mkdir, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Fleet, startFleet } from './fleet.ts';
import { undo } from './undo-steps.ts';

const gpu = fileURLToPath(new URL('../../playbooks/gpu.ts', import.meta.url));
const card = '0000:31:00.0';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'on', kind: 'debian-12-devices' },
    { name: 'off', kind: 'debian-12-devices' },
  ]);
}, 120_000);
afterAll(() => fleet?.stop());

const driver = (node = 'on'): Promise<string> =>
  readlink(path.join(fleet.lab.node(node).root, 'sys/bus/pci/devices', card, 'driver')).then(path.basename);

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

it('the same, with what turns the IOMMU on, where it is off: as many reboots as the plan shows', async () => {
  const vars = path.join(fleet.folder, 'off.json');
  await writeFile(vars, JSON.stringify({ devices: [card] }));
  const run = { playbook: gpu, args: { extraVars: [`@${vars}`] } };
  const { host: planned } = await fleet.one('plan', 'off', run);
  expect(planned.failure).toBeNull();
  expect(planned.plan?.effects.filter(({ kind }) => kind === 'reboot')).toHaveLength(1);
  expect(planned.plan?.changes.filter(({ tentative }) => tentative)).toEqual([]);
  const { host, code } = await fleet.one('apply', 'off', run);
  expect(host.failure).toBeNull();
  expect(host.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
  expect([host.reboots, code]).toEqual([1, 0]);
  expect(await driver('off')).toBe('vfio-pci');
  const { host: again } = await fleet.one('apply', 'off', run);
  expect([again.failure, again.writes, again.reboots]).toEqual([null, 0, 0]);
}, 120_000);

it('given to Cloudpods afterwards, which binds by itself, it is given back with all that bound it', async () => {
  const args = { extraVars: ['consumer=cloudpods'] };
  const conf = path.join(fleet.lab.node('off').root, 'etc/yunion/host.conf');
  await mkdir(path.dirname(conf));
  await writeFile(conf, 'hostname: off\n');
  const { host } = await fleet.one('apply', 'off', { playbook: gpu, args });
  expect(host.failure).toBeNull();
  expect(host.warnings).toEqual([]);
  const { root } = fleet.lab.node('off');
  expect(existsSync(path.join(root, 'etc/udev/rules.d/82-vfleet-gpu.rules'))).toBe(false);
  expect(existsSync(path.join(root, 'etc/initramfs-tools/hooks/vfleet-gpu'))).toBe(false);
  await expect(driver('off')).rejects.toThrow('ENOENT');
  const undone = await undo(fleet, fleet.lab.node('off'), { name: 'GPU' });
  expect([undone.host.failure, undone.code]).toEqual([null, 0]);
}, 120_000);

import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { undo } from './undo-steps.ts';

// A host that comes back without what its reboot was for is not rebooted for the same again.
const names = Array.from({ length: 7 }, (_, index) => `n${index}`);

let fleet: Fleet;
let node: LabNode;
let next = 0;
beforeAll(async () => {
  fleet = await startFleet(names.map((name) => ({ name, kind: 'debian-12-intel' })));
}, 120_000);
afterAll(() => fleet?.stop());
beforeEach(() => {
  node = fleet.lab.node(names[next] ?? 'more tests than nodes');
  next += 1;
});

const config = 'boot/grub/grub.cfg';
const at = (file: string): string => path.join(node.root, file);
const apply = (options?: Parameters<Fleet['one']>[2]) => fleet.one('apply', node.name, options);

/** The first apply of a host that boots its old entry: one reboot, in vain. */
async function failOnce(): Promise<void> {
  await node.setFaults({ bootsOldEntry: true });
  const { host, code } = await apply();
  expect(host.failure?.code).toBe('reboot.arguments-not-active');
  expect([code, node.counters.reboots]).toEqual([1, 1]);
}

async function failAgain(options?: Parameters<Fleet['one']>[2]): Promise<string> {
  const { host } = await apply(options);
  expect(host.failure?.code).toBe('reboot.arguments-not-active');
  expect(host.reboots).toBe(0);
  return host.failure?.message ?? '';
}

async function playbookOf(name: string, body: string): Promise<string> {
  const file = path.join(fleet.folder, `${name}.ts`);
  await writeFile(
    file,
    `import { file, kernelArguments, playbook } from 'vfleet';
export default playbook({ name: '${name}', async apply(host) { ${body} } });
`,
  );
  return file;
}

it('five applies make one reboot for the goal, whatever else becomes due, and each says where the three differ', async () => {
  await failOnce();
  const said = await failAgain();
  expect(said).toMatch(/without intel_iommu=on iommu=pt .*: every boot entry is right, and it has booted since/);
  expect(said).toMatch(/vfleet boot explain n0.*--reboot-again/);
  expect(said).toMatch(/the goal of "PCI passthrough": to undo that playbook frees the host, too/);
  // What was written is lost, and written anew just as it was.
  await rm(at('etc/default/grub.d/99-vfleet.cfg'));
  await failAgain();
  expect(await readFile(at('proc/cmdline'), 'utf8')).not.toContain('intel_iommu');
  expect(await readFile(at(config), 'utf8')).toContain('intel_iommu=on');
  await failAgain();
  await failAgain();
  expect(node.counters.reboots).toBe(1);
});

it('a playbook that needs none of the arguments goes on, and hides nothing of the goal that was in vain', async () => {
  // What its firmware starts has the old boot for good.
  const [old, kept] = ['boot-before', 'boot-for-good'].map((name) => path.join(path.dirname(node.root), name)) as [
    string,
    string,
  ];
  await cp(old, kept, { recursive: true });
  await failOnce();
  await rm(old, { recursive: true });
  await rename(kept, old);
  const inVain = /a reboot for intel_iommu=on iommu=pt .*the goal of the playbook "PCI passthrough", was in vain/;
  const write = (place: string) => `await host.ensure(file('${place}', 'x\\n')); await host.settle();`;
  // Nothing of it is a reason for a reboot.
  const motd = await playbookOf('motd', write('/etc/motd'));
  const quiet = (await fleet.one('apply', node.name, { playbook: motd })).host;
  expect([quiet.failure?.message ?? null, quiet.state, node.counters.reboots]).toEqual([null, 'ok', 1]);
  expect(quiet.warnings.join()).toMatch(inVain);
  // A reboot for its own goal is another one than that which failed, once.
  const modprobe = await playbookOf('modprobe', write('/etc/modprobe.d/x.conf'));
  for (let times = 0; times < 3; times += 1) {
    const { host } = await fleet.one('apply', node.name, { playbook: modprobe });
    expect([host.failure?.message ?? null, host.state, node.counters.reboots]).toEqual([null, 'ok', 2]);
    expect(host.warnings.join()).toMatch(inVain);
  }
  await failAgain();
  const { host } = await fleet.one('plan', node.name, { playbook: motd });
  expect(host.warnings.join()).toMatch(inVain);
  expect(node.counters.reboots).toBe(2);
  // Undone, it is nobody's goal.
  expect((await undo(fleet, node)).host.failure?.message ?? null).toBeNull();
  const freed = (await fleet.one('apply', node.name, { playbook: motd })).host;
  expect([freed.failure?.message ?? null, freed.warnings]).toEqual([null, []]);
});

it('a plan says so before anybody waits for a reboot', async () => {
  await failOnce();
  const { host, code } = await fleet.one('plan', node.name);
  expect(code).toBe(2);
  expect(host.warnings.join()).toMatch(/did not bring intel_iommu=on iommu=pt .*apply will not reboot.*--reboot-again/);
});

it('an operator may say that it is to be tried again', async () => {
  await failOnce();
  await node.setFaults({});
  const { host } = await apply({ rebootAgain: true });
  expect([host.failure, host.state, node.counters.reboots]).toEqual([null, 'ok', 2]);
  // That is forgotten then: the same goal, due anew, is a reason for a reboot again.
  const record = JSON.parse(await readFile(at('var/lib/vfleet/state.json'), 'utf8')) as object;
  expect(record).not.toHaveProperty('failedReboots');
  expect((await apply({ rebootAgain: true })).host).toMatchObject({ state: 'ok', reboots: 0 });
});

it('other boot entries than at that reboot are progress', async () => {
  await failOnce();
  await failAgain();
  const text = await readFile(at(config), 'utf8');
  await writeFile(at(config), text.replace('set default="0"', 'set default="1>0"'));
  expect(await readFile(at(config), 'utf8')).not.toBe(text);
  await node.setFaults({});
  const { host } = await apply();
  expect([host.failure, node.counters.reboots]).toEqual([null, 2]);
});

it('another goal is another reboot, and a reboot by hand that brings it is proved', async () => {
  await failOnce();
  await node.setFaults({});
  const { host } = await apply({ args: { extraVars: ['allowUnsafeInterrupts=false'] } });
  expect([host.failure, node.counters.reboots]).toEqual([null, 2]);
  // Back to the first goal: the entries are then what they were when it failed.
  await failAgain();
  await node.powerCut();
  await node.until('up');
  const proved = (await apply()).host;
  expect([proved.failure, proved.reboots, node.counters.reboots]).toEqual([null, 0, 2]);
});

it('a host whose default entry is not one of ours is never rebooted for it', async () => {
  const custom = `#!/bin/sh
cat <<'END'
menuentry 'By hand' --id by-hand {
	linux /boot/vmlinuz-6.1.0-18-amd64 root=UUID=0c2f6d1e-7a55-4e0c-9a53-2f6c1f1c9a10 ro quiet
	initrd /boot/initrd.img-6.1.0-18-amd64
}
END
`;
  await writeFile(at('etc/grub.d/40_custom'), custom, { mode: 0o755 });
  const grub = await readFile(at('etc/default/grub'), 'utf8');
  await writeFile(at('etc/default/grub'), grub.replace('GRUB_DEFAULT=0', 'GRUB_DEFAULT=by-hand'));
  for (let times = 0; times < 2; times += 1) {
    const { host } = await apply();
    expect(host.failure?.code).toBe('settle.not-generated');
    expect(host.failure?.found).toContain('"By hand"');
  }
  expect(node.counters.reboots).toBe(0);
});

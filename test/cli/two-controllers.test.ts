import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import type { Started } from './program.ts';
import { journalOf, killAt, type Racks, startRacks, until } from './racks.ts';

// A journal that was copied to another machine is the same run there: two controllers of one run are two all the same.
vi.setConfig({ testTimeout: 240_000 });

const names = ['alive', 'crashed', 'moved', 'built'];

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks(names.map((name) => ({ name })));
}, 240_000);
afterAll(() => racks?.stop());

const file = (name: string): string => path.join(racks.folder, name);
const lines = async (name: string): Promise<readonly string[]> =>
  (await readFile(file(name), 'utf8').catch(() => '')).split('\n').filter(Boolean);
const leaseOf = (node: LabNode): string => path.join(node.root, 'var/lib/vfleet/lease');

/** A playbook whose host is drained for as long as a file is missing, and then rebooted. */
async function drained(name: string): Promise<string> {
  const drain = `echo drain >>${file(`${name}.log`)}; while [ ! -e ${file(`${name}.goes-on`)} ]; do sleep 0.1; done`;
  const undrain = `echo undrain >>${file(`${name}.log`)}`;
  const hook = (run: string): string => `{ run: ${JSON.stringify(run)}, where: 'controller', timeout: '10m' }`;
  return racks.write(
    `${name}.ts`,
    `import { checks, kernelArguments, playbook } from 'vfleet';
export default playbook({
  name: 'Drained',
  hooks: { drain: ${hook(drain)}, undrain: ${hook(undrain)} },
  async apply(host) { await host.ensure(kernelArguments({ nomodeset: true })); await host.settle(); },
  verify: () => [checks.kernelArgumentsActive()],
});
`,
  );
}

const inDrain = (name: string): RegExp => new RegExp(`"type":"hook-intent","host":"${name}","hook":"drain"`);

/** Copies the journal of the newest run of a host as another machine has it; gives what goes on with it there. */
async function copyOf(host: string, name = 'copy'): Promise<(...more: readonly string[]) => Promise<Started>> {
  const folder = path.dirname(await journalOf(racks, host));
  const state = file(`${host}-${name}`);
  const run = path.basename(folder);
  await mkdir(path.join(state, 'vfleet/runs', run), { recursive: true });
  await cp(path.join(folder, 'journal.jsonl'), path.join(state, 'vfleet/runs', run, 'journal.jsonl'));
  return (...more) => racks.start(['resume', run, '--json', ...more], { env: { XDG_STATE_HOME: state } });
}

const resumeCopy = async (host: string): Promise<Started> => (await copyOf(host))();

/** Writes lines of the lease anew, as a whole. */
async function edit(node: LabNode, change: (text: string) => string): Promise<void> {
  const beside = `${leaseOf(node)}.edited`;
  await writeFile(beside, change(await readFile(leaseOf(node), 'utf8')));
  await rename(beside, leaseOf(node));
}

it('a run that another controller is at work for waits for it, and is refused once that is heard of', async () => {
  const node = racks.lab.node('alive');
  const first = await racks.start(['apply', await drained('alive'), '--yes', '-l', 'alive']);
  await until(racks, 'alive', inDrain('alive'));
  const second = await resumeCopy('alive');
  await second.said(/alive: .*another controller of this run/);
  // As a renewal does: the up-time of a simulated node stands still.
  await edit(node, (text) => text.replace(/^until=(\d+)$/m, (_, until) => `until=${Number(until) + 60}`));
  const refused = await second.ended;
  expect([refused.code, JSON.parse(refused.stdout).hosts]).toMatchObject([
    3,
    [{ state: 'refused', reboots: 0, failure: { code: 'host.leased' } }],
  ]);
  expect(JSON.parse(refused.stdout).hosts[0].failure.expected).toMatch(/no other controller of this run/);
  expect(await lines('alive.log')).toEqual(['drain']);
  await writeFile(file('alive.goes-on'), '');
  const { code, stderr } = await first.ended;
  expect(code, stderr).toBe(0);
  expect(await lines('alive.log')).toEqual(['drain', 'undrain']);
  expect(node.counters.reboots).toBe(1);
});

it('a run whose controller died on another machine goes on when its lease has run out', async () => {
  const node = racks.lab.node('crashed');
  const first = await racks.start(['apply', await drained('crashed'), '--yes', '-l', 'crashed']);
  await killAt(racks, first, 'crashed', inDrain('crashed'));
  await writeFile(file('crashed.goes-on'), '');
  // As one who is on another machine finds it: whether that process has ended cannot be known there.
  await edit(node, (text) => text.replace(/"machine":"[^"]*"/, '"machine":"another"'));
  const second = await resumeCopy('crashed');
  await second.said(/crashed: .*another controller of this run/);
  expect(node.counters.reboots).toBe(0);
  const beside = path.join(node.root, 'proc/uptime.new');
  await writeFile(beside, '1000.00 1520.11\n');
  await rename(beside, path.join(node.root, 'proc/uptime'));
  const { code, stdout, stderr } = await second.ended;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ totals: { ok: 1, reboots: 1 } });
  expect(node.counters.reboots).toBe(1);
  expect((await lines('crashed.log')).at(-1)).toBe('undrain');
});

it('a reboot by somebody else that has brought what was due is not followed by another', async () => {
  const node = racks.lab.node('moved');
  const run = await racks.start(['apply', await drained('moved'), '--yes', '--json', '-l', 'moved']);
  await until(racks, 'moved', inDrain('moved'));
  await node.powerCut();
  await node.powerOn();
  await vi.waitUntil(() => node.state === 'up', { timeout: 60_000 });
  await writeFile(file('moved.goes-on'), '');
  const { code, stdout, stderr } = await run.ended;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ hosts: [{ state: 'ok', reboots: 0, drained: false }] });
  expect(node.counters.reboots).toBe(0);
  expect(await lines('moved.log')).toEqual(['drain', 'undrain']);
});

it('two controllers that go on with copies of one journal keep out of each other, and build each what it wants', async () => {
  const node = racks.lab.node('built');
  const at = (name: string): string => path.join(node.root, name);
  const loops = (number: number): Promise<string> =>
    racks.write(
      'built.ts',
      `import { file, playbook } from 'vfleet';
export default playbook({ name: 'Built', async apply(host) {
  await host.ensure(file('/etc/modprobe.d/built.conf', 'options loop max_loop=${number}\\n'));
  await host.settle();
} });
`,
    );
  // What builds tells what of, and takes its time.
  const tool = at('usr/sbin/update-initramfs');
  await rename(tool, `${tool}.real`);
  const script = 'cat /etc/modprobe.d/built.conf >>/root/built; while [ ! -e /root/goes-on ]; do sleep 0.1; done';
  await writeFile(tool, `#!/bin/sh\n${script}\nexec "$0.real" "$@"\n`, { mode: 0o755 });

  const begun = await racks.start(['apply', await loops(1), '--yes', '-l', 'built']);
  await killAt(racks, begun, 'built', /"host-started","host":"built"/);
  const [early, late] = [await copyOf('built', 'early'), await copyOf('built', 'late')];
  const first = await racks.start(['resume', '--json']);
  await vi.waitUntil(() => readFile(at('root/built')).catch(() => null), { timeout: 230_000 });

  const second = await early();
  await second.said(/built: .*another controller of this run/);
  await edit(node, (text) => text.replace(/^until=(\d+)$/m, (_, until) => `until=${Number(until) + 60}`));
  const refused = await second.ended;
  expect(JSON.parse(refused.stdout).hosts).toMatchObject([{ state: 'refused', failure: { code: 'host.leased' } }]);

  first.signal('SIGKILL');
  await first.ended;
  await writeFile(at('root/goes-on'), '');
  await loops(2);
  const { code, stdout, stderr } = await (await late('--anyway')).ended;
  expect(code, stdout + stderr).toBe(0);
  expect(await readFile(at('root/built'), 'utf8')).toBe('options loop max_loop=1\noptions loop max_loop=2\n');
});

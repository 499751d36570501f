import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostPlan } from '../../src/events/event.ts';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { type Fleet, startFleet } from './fleet.ts';

const intel = 'intel_iommu=on iommu=pt vfio_iommu_type1.allow_unsafe_interrupts=1';
const amd = 'iommu=pt vfio_iommu_type1.allow_unsafe_interrupts=1';
const withVirqfd = 'vfio\nvfio_iommu_type1\nvfio_pci\nvfio_virqfd\n';
const withoutVirqfd = 'vfio\nvfio_iommu_type1\nvfio_pci\n';

/** What the guide asks for on each machine kind that can converge. */
const kinds = [
  { kind: 'centos-7-intel', line: intel, modules: withVirqfd },
  { kind: 'openeuler-22.03-amd', line: amd, modules: withVirqfd },
  { kind: 'debian-12-intel', line: intel, modules: withVirqfd },
  { kind: 'debian-13-amd', line: amd, modules: withoutVirqfd },
  // Built into the kernel there, vfio_virqfd too: nothing is left to load, and a listed builtin does no harm.
  { kind: 'ubuntu-22.04-intel', line: intel, modules: withoutVirqfd },
] as const;

const nodeOf = (kind: string): string => kind.replaceAll('.', '');

let fleet: Fleet;
const plans = new Map<string, HostPlan>();
beforeAll(async () => {
  const converging = kinds.map(({ kind }) => ({ name: nodeOf(kind), kind }));
  fleet = await startFleet([...converging, { name: 'vtd-off', kind: 'debian-12-vtd-off' }]);
}, 120_000);
afterAll(() => fleet?.stop());

/** Lines of progress in the journal of a run. */
async function progressOf(run: string | null): Promise<readonly string[]> {
  return (await fleet.events(run)).flatMap((event) => (event.type === 'progress' ? [event.line] : []));
}

describe.each(kinds)('passthrough on $kind', ({ kind, line, modules }) => {
  const name = nodeOf(kind);
  const read = (file: string): Promise<string> => readFile(path.join(fleet.lab.node(name).root, file), 'utf8');

  it('plan shows the changes, needs two round trips, and leaves every byte as it is', async () => {
    const node = fleet.lab.node(name);
    const before = await node.snapshot({ kernel: true });
    const execs = node.counters.execs;
    const { host, code } = await fleet.one('plan', name);
    expect(host.failure).toBeNull();
    expect(code).toBe(2);
    expect(host.plan?.changes.map((change) => change.resource)).toContain('kernel arguments');
    expect(host.plan?.effects.map((effect) => effect.kind)).toEqual(['boot-configuration', 'reboot']);
    expect(node.counters.execs - execs).toBe(2);
    if (host.plan !== null) plans.set(name, host.plan);
    expect(compareSnapshots(before, await node.snapshot({ kernel: true }))).toEqual([]);
  });

  it('apply changes, reboots once, and every check passes', async () => {
    const { summary, code } = await fleet.run('apply', { args: { limit: [name] } });
    const [host] = summary.hosts;
    if (host === undefined) throw new Error('no host');
    expect(host.failure).toBeNull();
    expect(code).toBe(0);
    expect(host.state).toBe('ok');
    expect(host.reboots).toBe(1);
    expect(fleet.lab.node(name).counters.reboots).toBe(1);
    const outcomes = host.checks.map(({ check, outcome }) => [check, outcome]);
    expect(outcomes.filter(([, outcome]) => outcome !== 'pass')).toEqual([['devices-bound', 'not-applicable']]);
    expect(outcomes.length).toBeGreaterThanOrEqual(4);
    // What the generator says, each line once, and nothing of what it made.
    const said = await progressOf(summary.run);
    expect(said.filter((line) => /^Generating grub configuration file/.test(line))).toHaveLength(1);
    expect(said.filter((line) => /menuentry|vmlinuz.*root=|\bset /.test(line))).toEqual([]);
  });

  it('is then what the guide asks for, seen on the machine itself', async () => {
    const running = (await read('proc/cmdline')).trim().split(' ');
    expect(running).toEqual(expect.arrayContaining(line.split(' ')));
    expect(running.filter((token) => token.startsWith('intel_iommu'))).toHaveLength(line.startsWith('intel') ? 1 : 0);
    expect(await read('etc/modules-load.d/vfio.conf')).toBe(modules);
  });

  it('a second apply writes nothing and reboots nothing', async () => {
    const node = fleet.lab.node(name);
    const before = await node.snapshot({ kernel: true });
    const { host, code } = await fleet.one('apply', name);
    expect(code).toBe(0);
    expect([host.writes, host.reboots]).toEqual([0, 0]);
    expect(compareSnapshots(before, await node.snapshot({ kernel: true }))).toEqual([]);
  });

  it('a plan of the converged host is empty, at two round trips', async () => {
    const node = fleet.lab.node(name);
    const execs = node.counters.execs;
    const { host, code } = await fleet.one('plan', name);
    expect(code).toBe(0);
    expect(host.plan?.changes).toEqual([]);
    expect(node.counters.execs - execs).toBeLessThanOrEqual(2);
  });

  it('verify alone passes and changes nothing', async () => {
    const node = fleet.lab.node(name);
    const before = await node.snapshot({ kernel: true });
    expect((await fleet.one('verify', name)).code).toBe(0);
    expect(compareSnapshots(before, await node.snapshot({ kernel: true }))).toEqual([]);
  });

  it('facts take one round trip', async () => {
    const node = fleet.lab.node(name);
    const execs = node.counters.execs;
    expect((await fleet.one('facts', name)).code).toBe(0);
    expect(node.counters.execs - execs).toBe(1);
  });
});

it('a plan that was applied, reboot and all, has nothing left to do', async () => {
  const name = 'debian-12-intel';
  const { host, code } = await fleet.one('apply', name, { expected: plans });
  expect(host.failure).toBeNull();
  expect([code, host.writes, host.reboots, host.settled]).toEqual([0, 0, 0, []]);
});

it('verify judges the devices that the inventory names', async () => {
  const devices = (list: string) => ({ args: { extraVars: [`{"devices": [${list}]}`] } });
  const { host, code } = await fleet.one('verify', 'debian-12-intel', devices('"0000:03:00.0"'));
  const verdict = host.checks.find(({ check }) => check === 'devices-bound');
  expect([code, verdict?.outcome]).toEqual([1, 'fail']);
  expect(verdict?.evidence.join('\n')).toContain('0000:03:00.0');
  expect((await fleet.one('verify', 'debian-12-intel', devices(''))).code).toBe(0);
});

describe('a machine with VT-d off', () => {
  it.each(['plan', 'apply', 'apply'] as const)(
    '%s refuses it each time, with the remedy, and touches nothing',
    async (command) => {
      const node = fleet.lab.node('vtd-off');
      const before = await node.snapshot({ kernel: true });
      const { host, code } = await fleet.one(command, 'vtd-off');
      expect(code).toBe(3);
      expect(host.state).toBe('refused');
      expect(host.failure?.next).toMatch(/VT-d/);
      expect([host.writes, host.reboots, node.counters.reboots]).toEqual([0, 0, 0]);
      expect(compareSnapshots(before, await node.snapshot({ kernel: true }))).toEqual([]);
    },
  );
});

import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Ended } from './program.ts';
import { journalOf, type Racks, readOn, startRacks } from './racks.ts';

// A lost host that is back is gone on with: it keeps others from starting no longer than it is away.
vi.setConfig({ testTimeout: 240_000 });

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks(['n1', 'n2', 'n3'].map((name) => ({ name, rack: 'r' })));
}, 240_000);
afterAll(() => racks?.stop());

const statesIn = ({ stdout, stderr }: Ended): readonly string[] => {
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout).hosts.map(({ state }: { readonly state: string }) => state);
};

it('a plain resume looks first whether hosts are back that keep the places of a rack', async () => {
  const [lost, ...others] = ['n1', 'n2', 'n3'].map((name) => racks.lab.node(name));
  await lost?.setFaults({ neverReturns: true });
  const limits = ['--per-rack', '1', '--max-failures', '1', '--reboot-deadline', '0.05'];
  const first = await racks.vfleet('apply', 'passthrough', '--yes', '--json', ...limits);
  expect([first.code, statesIn(first)]).toEqual([3, ['lost', 'skipped', 'skipped']]);
  const name = path.basename(path.dirname(await journalOf(racks, 'n1')));

  const away = await racks.vfleet('resume', '--json');
  expect([away.code, statesIn(away)]).toEqual([3, ['lost', 'skipped', 'skipped']]);
  expect(JSON.parse(away.stdout)).toMatchObject({
    halted: expect.stringContaining('n1 is out of service and took every place'),
    hosts: [{ failure: { code: 'host.lost' }, reboots: 1 }, {}, {}],
  });
  for (const node of others) expect(node.counters.connections).toBe(0);

  await lost?.setFaults({});
  await lost?.powerOn();
  await vi.waitUntil(() => lost?.state === 'up', { timeout: 60_000 });
  // One that is asked for is changed when it is back: it is one of those that are started.
  const expected = await racks.vfleet('resume', '--expect-hosts', '2');
  expect([expected.code, expected.stderr]).toEqual([64, expect.stringContaining('3 hosts are to be started')]);
  const back = await racks.vfleet('resume');
  expect(back.code, back.stdout + back.stderr).toBe(0);
  expect(back.stdout).toMatch(/3 hosts, 3 writes, 3 reboots in/);
  expect(lost?.counters.reboots).toBe(1);
  for (const node of racks.lab.nodes) expect(await readOn(node, 'proc/cmdline')).toContain('iommu=pt');
  // The journal tells the same, whenever it is read.
  expect((await racks.vfleet('runs', name)).stdout).toBe(back.stdout);
});

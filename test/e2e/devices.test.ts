import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { type Fleet, startFleet } from './fleet.ts';

/** A playbook that writes a file where its gate lets it. */
const gated = `import { checks, deviceSelectors, file, playbook, z } from 'vfleet';

export default playbook({
  name: 'Gated',
  vars: z.object({ devices: deviceSelectors.default([]) }),
  gate: (host) => [checks.devicesFree(host.vars.devices)],
  async apply(host) {
    await host.ensure(file('/etc/motd', 'taken\\n'));
  },
});
`;

let fleet: Fleet;
let playbook: string;
beforeAll(async () => {
  fleet = await startFleet([{ name: 'mixed', kind: 'qemu-debian-12-intel' }]);
  playbook = path.join(fleet.folder, 'gated.ts');
  await writeFile(playbook, gated);
}, 120_000);
afterAll(() => fleet?.stop());

const choose = (...devices: readonly unknown[]) => ({
  playbook,
  args: { extraVars: [JSON.stringify({ devices })] },
});

describe('devices of a simulated node', () => {
  it.each([
    ['the NIC of the SSH connection', '0000:00:03.0', /enp0s3 carries this SSH connection/],
    ['the disk that it boots from', '0000:00:02.0', /vda2 is mounted at \//],
    ['a bridge', '0000:00:1f.0', /it is a bridge/],
    ['one in a group with a bridge of its own driver', '0000:00:1f.2', /VFIO refuses IOMMU group 10/],
    ['one that is not there', '0000:99:00.0', /found none/],
    ['another one at the address', { address: '0000:02:00.0', serial: 'OTHER' }, /expected serial OTHER/],
    ['more than were expected', { class: '0108', count: 1 }, /expected 1, found 2/],
  ])('%s: refused, before anything is written', async (_name, device, words) => {
    const node = fleet.lab.node('mixed');
    const before = await node.snapshot();
    const { host, code } = await fleet.one('apply', 'mixed', choose(device));
    expect([host.state, code]).toEqual(['refused', 3]);
    const [gate] = host.gates;
    expect(gate?.found).toMatch(words);
    expect(gate?.remedy).toBeTruthy();
    expect(compareSnapshots(before, await node.snapshot())).toEqual([]);
  });

  it.each([
    ['by address', '0000:02:00.0'],
    ['by address and serial', { address: '0000:02:00.0', serial: 'SPARE-NVME-1' }],
    ['by class and their number', { class: '0108', count: 2 }],
    ['with a mate of its group', '0000:05:01.0'],
  ])('free ones, named %s: pass', async (_name, device) => {
    const { host, code } = await fleet.one('plan', 'mixed', choose(device));
    expect(host.gates).toMatchObject([{ check: 'devices-free', outcome: 'pass' }]);
    expect(code).toBe(2);
  });

  it('a selector that cannot be meant is refused before any log-in', async () => {
    const before = fleet.lab.node('mixed').counters.execs;
    await expect(fleet.run('plan', choose('gpu'))).rejects.toThrow(/devices\.0.*expected an address/);
    expect(fleet.lab.node('mixed').counters.execs).toBe(before);
  });
});

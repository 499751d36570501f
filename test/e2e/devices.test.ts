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
  fleet = await startFleet([
    { name: 'mixed', kind: 'qemu-debian-12-intel' },
    { name: 'many', kind: 'debian-12-devices' },
  ]);
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

/** A machine that has one of everything that gates are about. */
describe('of a server with many devices', () => {
  it.each([
    ['a port of the bond that carries SSH', '0000:18:00.0', /ens1f0np0 carries this SSH connection/],
    ['the mate of a port with an address', '0000:19:00.1', /eno1 has .*goes with 0000:19:00\.1 \(the same card\)/],
    ['the boot disk', '0000:17:00.0', /mounted at \/boot\/efi/],
    ['a disk with data', '0000:62:00.0', /nvme2n1p1 has ext4 on it/],
    ['a mounted disk, whatever is allowed', { address: '0000:63:00.0', allow: ['data'] }, /mounted at \/srv\/data/],
    ['a disk that LVM holds', { address: '0000:64:00.0', allow: ['data'] }, /held by dm-0/],
    ['a disk with swap', { address: '0000:65:00.0', allow: ['data'] }, /nvme5n1p1 is swap/],
    ['the boot display', { address: '0000:03:00.0', allow: ['bmc'] }, /the machine boots with/],
    ['the display of the BMC', { address: '0000:03:00.0', allow: ['boot-display'] }, /management controller/],
    ['what VMD hides', '10000:01:00.0', /behind Intel VMD/],
    ['the controller of a USB stick', { address: '0000:00:14.0', allow: ['bmc'] }, /mounted at \/media\/stick/],
    [
      'the mate of a disk in use',
      '0000:51:00.0',
      /0000:52:00\.0: disk sdc.*goes with 0000:51:00\.0 \(IOMMU group 28\)/,
    ],
  ])('%s: refused', async (_name, device, words) => {
    const { host, code } = await fleet.one('plan', 'many', choose(device));
    expect([host.state, code]).toEqual(['refused', 3]);
    expect(host.gates[0]?.found).toMatch(words);
  });

  it.each([
    ['a GPU of four functions', '0000:31:00.0'],
    ['a network card that nobody uses', '0000:41:00'],
    ['an empty disk', { address: '0000:61:00.0', serial: 'S64FNE0R900001' }],
    ['a disk with data, with consent', { address: '0000:62:00.0', allow: ['data'] }],
    ['the display, with all consents', { address: '0000:03:00.0', allow: ['boot-display', 'bmc'] }],
    ['a card by its physical slot', { physicalSlot: 'SLOT5' }],
  ])('%s: passes', async (_name, device) => {
    const { host, code } = await fleet.one('plan', 'many', choose(device));
    expect(host.gates).toMatchObject([{ outcome: 'pass' }]);
    expect(code).toBe(2);
  });
});

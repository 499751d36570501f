import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { type Fleet, startFleet } from './fleet.ts';

const book = (name: string): string => fileURLToPath(new URL(`../../playbooks/${name}.ts`, import.meta.url));

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([{ name: 'devices', kind: 'debian-12-devices' }]);
}, 120_000);
afterAll(() => fleet?.stop());

/** Options of a run with these devices; a file, as lists of objects do not go on a command line. */
async function about(playbook: string, devices: unknown) {
  const file = path.join(fleet.folder, `vars-${playbook}.json`);
  await writeFile(file, JSON.stringify({ devices }));
  return { playbook: book(playbook), args: { extraVars: [`@${file}`] } };
}

describe('plan refuses, and leaves every byte as it is', () => {
  it.each([
    [
      'the disk that the host boots from',
      'nvme',
      { address: '0000:17:00.0', serial: 'S5GXNF0R412345' },
      /0000:17:00\.0/,
    ],
    [
      'a disk of another serial number',
      'nvme',
      { address: '0000:61:00.0', serial: 'S64FNE0R900002' },
      /expected serial/,
    ],
    ['a disk with a file system', 'nvme', { address: '0000:62:00.0', serial: 'S64FNE0R900002' }, /nvme2n1/],
    ['a disk of LVM', 'nvme', { address: '0000:64:00.0', serial: 'S64FNE0R900004' }, /nvme4n1/],
    ['a disk behind VMD', 'nvme', { address: '10000:01:00.0', serial: 'S64FNE0R990001' }, /VMD/],
    ['the NIC with an address', 'custom-pci', { address: '0000:19:00.0' }, /eno1/],
    [
      'a card whose group has a disk in use',
      'custom-pci',
      { address: '0000:51:00.0' },
      /0000:52:00\.0.*it goes with 0000:51:00\.0/,
    ],
    ['the display of the BMC', 'gpu', { address: '0000:03:00.0' }, /BMC/],
    ['more devices than were counted', 'custom-pci', { id: '144d:a80a', count: 1 }, /expected 1, found 8/],
  ])('%s', async (_what, playbook, device, found) => {
    const node = fleet.lab.node('devices');
    const before = await node.snapshot({ kernel: true });
    const { host, code } = await fleet.one('plan', 'devices', await about(playbook, [device]));
    expect(`${host.failure?.message ?? ''} ${host.checks.map((check) => check.found).join(' ')}`).toMatch(found);
    expect([host.state, code]).toEqual(['refused', 3]);
    expect(compareSnapshots(before, await node.snapshot({ kernel: true }))).toEqual([]);
  });
});

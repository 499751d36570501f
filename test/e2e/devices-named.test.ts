import { readlink } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, shippedWith, startFleet } from './fleet.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([{ name: 'node', kind: 'debian-12-devices' }]);
}, 120_000);
afterAll(() => fleet?.stop());

const about = (playbook: string, devices: unknown) => shippedWith(fleet, playbook, { devices });

const driverOf = (address: string): Promise<string | null> =>
  readlink(path.join(fleet.lab.node('node').root, 'sys/bus/pci/devices', address, 'driver')).then(
    path.basename,
    () => null,
  );

const gpu = '0000:31:00.0';
const disk = { address: '0000:61:00.0', serial: 'S64FNE0R900001' };

describe('where no devices are named', () => {
  it.each(['gpu', 'nvme', 'custom-pci'])(
    '%s says so and changes nothing',
    async (playbook) => {
      const planned = await fleet.one('plan', 'node', await about(playbook, []));
      expect([planned.host.failure, planned.code, planned.host.plan?.changes]).toEqual([null, 0, []]);
      expect(planned.host.gates.map(({ found }) => found)).toEqual(['No devices are named for this host.']);
      const { host, code } = await fleet.one('apply', 'node', await about(playbook, []));
      expect([host.failure, code, host.writes, host.reboots, host.warnings]).toEqual([null, 0, 0, 0, []]);
    },
    120_000,
  );
});

describe('where a GPU and a disk are named in one variable', () => {
  it('nvme takes the disk, and says who takes the GPU', async () => {
    const { host, code } = await fleet.one('plan', 'node', await about('nvme', [gpu, disk]));
    expect([host.failure, code]).toEqual([null, 2]);
    const plan = JSON.stringify(host.plan);
    expect(plan).toContain('bind 0000:61:00.0 to vfio-pci');
    expect(plan).toContain('left out: 0000:31:00.0 is no NVMe disk: gpu takes it');
  });

  it('gpu takes the GPU with its slot, and says who takes the disk', async () => {
    const { host, code } = await fleet.one('plan', 'node', await about('gpu', [gpu, disk]));
    expect([host.failure, code]).toEqual([null, 2]);
    const plan = JSON.stringify(host.plan);
    expect(plan).toContain('bind 0000:31:00.0 0000:31:00.1 0000:31:00.2 0000:31:00.3 to vfio-pci');
    expect(plan).toContain('left out: 0000:61:00.0 is no GPU: nvme takes it');
  });

  it.each([
    ['gpu', [disk], 'device.none'],
    ['nvme', [gpu], 'device.none'],
    ['nvme', [gpu, { address: disk.address }], 'device.selector'],
    ['nvme', [{ address: '0000:99:00.0', serial: 'X' }], 'device.none'],
  ])('plan %s of %j is refused: %s', async (playbook, devices, refusal) => {
    const { host, code } = await fleet.one('plan', 'node', await about(playbook, devices));
    const said = host.failure?.code === 'gate.closed' ? 'device.none' : host.failure?.code;
    expect([said, host.state, code]).toEqual([refusal, 'refused', 3]);
  });

  it('the disk alone is bound, and given back once nothing is named', async () => {
    const bound = await fleet.one('apply', 'node', await about('nvme', [gpu, disk]));
    expect([bound.host.failure, bound.code]).toEqual([null, 0]);
    expect(await Promise.all([driverOf(disk.address), driverOf(gpu)])).toEqual(['vfio-pci', 'nouveau']);
    const back = await fleet.one('apply', 'node', await about('nvme', []));
    expect([back.host.failure, back.code]).toEqual([null, 0]);
    expect(await driverOf(disk.address)).toBe('nvme');
  }, 120_000);
});

describe('GPUs that are named by their driver alone', () => {
  const cards = ['0000:31:00.0', '0000:b1:00.0'];

  it('are verified once they are bound, and are nothing to do then', async () => {
    const { host, code } = await fleet.one('apply', 'node', await about('gpu', ['driver=nouveau']));
    expect(host.failure).toBeNull();
    expect(host.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    expect([host.state, code]).toEqual(['ok', 0]);
    expect(await Promise.all(cards.map(driverOf))).toEqual(['vfio-pci', 'vfio-pci']);
    const again = await fleet.one('apply', 'node', await about('gpu', ['driver=nouveau']));
    expect([again.host.failure, again.host.writes, again.host.reboots, again.code]).toEqual([null, 0, 0, 0]);
    const verified = await fleet.one('verify', 'node', await about('gpu', [{ driver: 'nouveau', count: 2 }]));
    expect([verified.host.failure, verified.code]).toEqual([null, 0]);
  }, 120_000);
});

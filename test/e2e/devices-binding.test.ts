import { existsSync } from 'node:fs';
import { mkdir, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { type Fleet, shipped, shippedWith, startFleet } from './fleet.ts';
import { undo } from './undo-steps.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'devices', kind: 'debian-12-devices' },
    { name: 'dracut', kind: 'rocky-9.4-intel' },
  ]);
}, 120_000);
afterAll(() => fleet?.stop());

const about = (playbook: string, devices: unknown) => shippedWith(fleet, playbook, { devices });

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

describe('a free disk', () => {
  const disk = '0000:61:00.0';
  const device = { address: disk, serial: 'S64FNE0R900001' };
  const driver = async (): Promise<string | null> => {
    const link = path.join(fleet.lab.node('devices').root, 'sys/bus/pci/devices', disk, 'driver');
    return readlink(link).then(path.basename, () => null);
  };

  it('is bound, with no more than the reboot that turns the IOMMU on', async () => {
    const { host, code } = await fleet.one('apply', 'devices', await about('nvme', [device]));
    expect(host.failure).toBeNull();
    expect(host.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    expect([host.state, code]).toEqual(['ok', 0]);
    expect(host.reboots).toBeLessThanOrEqual(1);
    expect(await driver()).toBe('vfio-pci');
  }, 120_000);

  it('is nothing to do then, though its serial number is not to be seen any more', async () => {
    const { host, code } = await fleet.one('apply', 'devices', await about('nvme', [device]));
    expect(host.failure).toBeNull();
    expect([host.writes, host.reboots, code]).toEqual([0, 0, 0]);
  });

  it('is bound again after a power cut', async () => {
    const node = fleet.lab.node('devices');
    await node.powerCut();
    await node.until('up');
    const { host, code } = await fleet.one('verify', 'devices', await about('nvme', [device]));
    expect(host.failure).toBeNull();
    expect(host.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    expect(code).toBe(0);
    expect(await driver()).toBe('vfio-pci');
  });

  it('goes back to its driver by an undo', async () => {
    const node = fleet.lab.node('devices');
    const { host, code } = await undo(fleet, node, { name: 'NVMe' });
    expect(host.failure).toBeNull();
    expect(code).toBe(0);
    expect(await driver()).toBe('nvme');
    expect(existsSync(path.join(node.root, 'etc/udev/rules.d/82-vfleet-nvme.rules'))).toBe(false);
    // Also in the next boot: the initramfs has the rule no more.
    await node.powerCut();
    await node.until('up');
    expect(await driver()).toBe('nvme');
  });
});

describe('a GPU', () => {
  const card = ['0000:31:00.0', '0000:31:00.1', '0000:31:00.2', '0000:31:00.3'];
  const other = '0000:b1:00.0';
  const driverOf = (address: string): Promise<string | null> => {
    const link = path.join(fleet.lab.node('devices').root, 'sys/bus/pci/devices', address, 'driver');
    return readlink(link).then(path.basename, () => null);
  };

  it('is meant by a class without the display of the BMC, which the plan names', async () => {
    const { host, code } = await fleet.one('plan', 'devices', await about('gpu', ['class=03']));
    expect([host.failure, code]).toEqual([null, 2]);
    const plan = JSON.stringify(host.plan);
    expect(plan).toContain('left out: 0000:03:00.0');
    expect(plan).toMatch(/bind 0000:31:00\.0 .*0000:b1:00\.1 to vfio-pci/);
  }, 120_000);

  it('goes with all functions; its driver stays for another card of the vendor, and is not blacklisted', async () => {
    const { host, code } = await fleet.one('apply', 'devices', await about('gpu', ['0000:31:00.0']));
    expect(host.failure).toBeNull();
    expect(host.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    expect(code).toBe(0);
    expect(await Promise.all(card.map(driverOf))).toEqual(card.map(() => 'vfio-pci'));
    expect(await driverOf(other)).toBe('nouveau');
    expect(existsSync(path.join(fleet.lab.node('devices').root, 'etc/modprobe.d/vfleet-gpu.conf'))).toBe(false);
  }, 120_000);

  it('and the other card: the driver is kept away', async () => {
    const { host, code } = await fleet.one('apply', 'devices', await about('gpu', ['0000:31:00.0', other]));
    expect(host.failure).toBeNull();
    expect(code).toBe(0);
    expect(await driverOf(other)).toBe('vfio-pci');
    const running = await readFile(path.join(fleet.lab.node('devices').root, 'proc/cmdline'), 'utf8');
    expect(running).toMatch(/ modprobe\.blacklist=nouveau,\S+ nouveau\.modeset=0\b/);
  }, 120_000);
});

describe('a host with dracut', () => {
  const at = (file: string): string => path.join(fleet.lab.node('dracut').root, file);

  it('has for Cloudpods what its agent looks for, word for word, and nothing bound', async () => {
    const args = { extraVars: ['consumer=cloudpods'] };
    await mkdir(at('etc/yunion'));
    await writeFile(at('etc/yunion/host.conf'), 'hostname: dracut\n');
    const { host, code } = await fleet.one('apply', 'dracut', { playbook: shipped('gpu'), args });
    expect(host.failure).toBeNull();
    expect(host.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    expect([code, host.reboots]).toEqual([0, 1]);
    expect((await readFile(at('proc/cmdline'), 'utf8')).split(/\s+/)).toEqual(
      expect.arrayContaining([
        'intel_iommu=on',
        'vfio_iommu_type1.allow_unsafe_interrupts=1',
        'rd.driver.blacklist=nouveau',
        'nouveau.modeset=0',
      ]),
    );
    expect(existsSync(at('etc/udev/rules.d/82-vfleet-gpu.rules'))).toBe(false);
    expect(existsSync(at('sys/bus/pci/devices/0000:06:00.0/driver'))).toBe(false);
  }, 120_000);

  it('binds GPUs for others by its own initramfs', async () => {
    const devices = ['0000:06:00.0', '0000:82:00.0'];
    const { host, code } = await fleet.one('apply', 'dracut', await about('gpu', devices));
    expect(host.failure).toBeNull();
    expect(code).toBe(0);
    expect(existsSync(at('etc/dracut.conf.d/vfleet-gpu.conf'))).toBe(true);
    expect(path.basename(await readlink(at('sys/bus/pci/devices/0000:82:00.1/driver')))).toBe('vfio-pci');
  }, 120_000);
});

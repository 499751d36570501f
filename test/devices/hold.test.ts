import { afterEach, describe, expect, test } from 'vitest';
import { holdScript } from '../../src/devices/hold.ts';
import { parseUsers, userOf, usersProbe } from '../../src/devices/users.ts';
import type { HeldDevice } from '../../src/resources/effect.ts';
import { shells } from '../resources/shells.ts';
import { pci } from './facts.ts';
import { type FakeDevice, type FakeKernel, fakeKernel } from './kernel.ts';

const disk = { address: '0000:5e:00.0', id: '144d:a808', driver: 'nvme', group: 30 } as const;
const card = { address: '0000:3b:00.0', id: '10de:2204', group: 12 } as const;
const audio = { address: '0000:3b:00.1', id: '10de:1aef', driver: 'snd_hda_intel', group: 12 } as const;

let kernel: FakeKernel;
afterEach(() => kernel.stop());

function machine(devices: readonly FakeDevice[], refuses?: readonly string[]): FakeKernel {
  kernel = fakeKernel(devices, refuses);
  return kernel;
}

function give({ address, id }: FakeDevice, driver: string | null): HeldDevice {
  return { address, id, driver };
}

describe.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))('under $name', ({ shell }) => {
  const hold = async (...devices: readonly HeldDevice[]) => {
    const { code, stdout } = await kernel.run(holdScript(devices), shell);
    return { code, said: stdout.toString() };
  };

  test('devices go to vfio-pci, whether they have a driver or none', async () => {
    machine([disk, card, audio]);
    expect(await hold(give(disk, 'vfio-pci'), give(card, 'vfio-pci'), give(audio, 'vfio-pci'))).toMatchObject({
      code: 0,
    });
    for (const { address } of [disk, card, audio]) {
      expect([kernel.driverOf(address), kernel.overrideOf(address)]).toEqual(['vfio-pci', 'vfio-pci']);
    }
  });

  test('and back to the driver that the kernel has for them, with no override', async () => {
    machine([
      { ...disk, driver: 'vfio-pci', natural: 'nvme' },
      { ...card, driver: 'vfio-pci', natural: null },
    ]);
    const { code, said } = await hold(give(disk, null), give(card, null));
    expect(code).toBe(0);
    expect(said).toContain('0000:5e:00.0: given back to nvme');
    expect(said).toContain('0000:3b:00.0: given back to the host, which has no driver for it');
    expect([kernel.driverOf(disk.address), kernel.overrideOf(disk.address)]).toEqual(['nvme', '']);
    expect(kernel.driverOf(card.address)).toBeNull();
  });

  test('what holds already is left alone, but for its override', async () => {
    machine([{ ...disk, driver: 'vfio-pci', natural: 'nvme' }]);
    kernel.open(4242, '/dev/vfio/30');
    expect(await hold(give(disk, 'vfio-pci'))).toEqual({ code: 0, said: '' });
    expect(kernel.overrideOf(disk.address)).toBe('vfio-pci');
  });

  test('a device that a guest has is not given back, and no other before it', async () => {
    machine([
      { ...disk, driver: 'vfio-pci', natural: 'nvme' },
      { ...card, driver: 'vfio-pci' },
    ]);
    kernel.open(4242, '/dev/vfio/12');
    expect(await hold(give(disk, null), give(card, null))).toEqual({
      code: 77,
      said: '0000:3b:00.0: process 4242 has it open through VFIO\n',
    });
    expect(kernel.driverOf(disk.address)).toBe('vfio-pci');
    const { stdout } = await kernel.run(usersProbe([disk.address, card.address]), shell);
    expect([...parseUsers(stdout.toString())]).toEqual([[card.address, '4242']]);
  });

  test('a disk that was mounted meanwhile is not taken', async () => {
    machine([{ ...disk, mounted: '/srv' }]);
    expect(await hold(give(disk, 'vfio-pci'))).toEqual({
      code: 77,
      said: '0000:5e:00.0: nvme7n1 is mounted at /srv\n',
    });
    expect(kernel.driverOf(disk.address)).toBe('nvme');
  });

  test('another device at the address is not touched; one that is gone needs not be given back', async () => {
    machine([disk]);
    expect(await hold({ address: disk.address, id: '1344:51a2', driver: 'vfio-pci' })).toEqual({
      code: 65,
      said: '0000:5e:00.0: expected 1344:51a2, found 144d:a808\n',
    });
    expect(await hold({ address: '0000:af:00.0', id: '144d:a808', driver: 'vfio-pci' })).toMatchObject({ code: 66 });
    expect(await hold({ address: '0000:af:00.0', id: '144d:a808', driver: null })).toMatchObject({ code: 0 });
    expect(kernel.driverOf(disk.address)).toBe('nvme');
  });

  // Waits its seconds out: once is enough.
  test.skipIf(shell !== shells[0])(
    'a device that vfio-pci does not take goes back to its driver, and that is told',
    async () => {
      machine([disk], ['vfio-pci']);
      const { code, said } = await hold(give(disk, 'vfio-pci'));
      expect(code).toBe(70);
      expect(said).toMatch(/expected the driver vfio-pci to take it; it did not, see the kernel log; now with nvme\n$/);
      expect([kernel.driverOf(disk.address), kernel.overrideOf(disk.address)]).toEqual(['nvme', '']);
    },
    30_000,
  );

  test('a driver that cannot be loaded changes nothing', async () => {
    machine([disk]);
    expect(await hold(give(disk, 'no-such'))).toEqual({
      code: 69,
      said: '0000:5e:00.0: the driver no-such cannot be loaded\n',
    });
    expect([kernel.driverOf(disk.address), kernel.overrideOf(disk.address)]).toEqual(['nvme', '']);
  });
});

test('a guest has a device by its group, or by a node of its own', () => {
  machine([]);
  const gpu = pci('0000:3b:00.0 030000 10de:2204 vfio-pci 12');
  const node = (path: string, address: string | null = null) => [{ path, pid: 7, process: 'qemu', pci: address }];
  expect(userOf(gpu, node('/dev/vfio/12'))?.pid).toBe(7);
  expect(userOf(gpu, node('/dev/vfio/devices/vfio0', '0000:3b:00.0'))?.pid).toBe(7);
  expect(userOf(gpu, node('/dev/vfio/1'))).toBeNull();
  expect(userOf(gpu, node('/dev/vfio/devices/vfio1', '0000:af:00.0'))).toBeNull();
  expect(userOf(gpu, null)).toBeNull();
});

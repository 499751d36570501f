import { expect, test } from 'vitest';
import { type Bench, bench } from './bench.ts';

const driver = async (machine: Bench, address: string) =>
  /Kernel driver in use: (\S+)/.exec((await machine.run(`lspci -k -s ${address}`)).stdout)?.[1] ?? null;

/** What the installer's script is called by, and the script. */
function prepare(machine: Bench, script: string): void {
  machine.write('/etc/modprobe.d/vfio.conf', 'install vfio-pci /usr/bin/vfio-pci-override.sh\n');
  machine.write('/etc/modprobe.d/blacklist-gpu.conf', 'blacklist nouveau\n');
  machine.write('/etc/modules-load.d/vfio.conf', 'vfio\nvfio_iommu_type1\nvfio_pci\n');
  machine.write('/usr/bin/vfio-pci-override.sh', script);
}

test('the script behind `install vfio-pci` hands GPUs to vfio-pci, but not the display of the firmware', async () => {
  const machine = await bench('installer-prepared');
  const gpus = ['06:00.0', '82:00.0'];
  const drivers = () => Promise.all(gpus.map((address) => driver(machine, address)));
  expect(await drivers()).toEqual(['vfio-pci', 'vfio-pci']);
  expect(await driver(machine, '0a:00.0')).not.toBe('vfio-pci');
  expect(machine.read('/sys/bus/pci/devices/0000:06:00.0/driver_override')).toBe('vfio-pci\n');
  // The sound of the card has its driver by then, and keeps it.
  expect(await driver(machine, '06:00.1')).toBe('snd_hda_intel');
  machine.remove('/etc/modprobe.d/vfio.conf');
  await machine.boot();
  expect(await drivers()).toEqual([null, null]);
  expect((await machine.run('lsmod')).stdout).toContain('vfio_pci');
});

test('the damaged argument is on the command line, and the machine boots all the same', async () => {
  const machine = await bench('installer-prepared');
  expect(machine.read('/proc/cmdline')).toContain(' resume=UUID=UUID=UUID=UUID=8f0c1d2e-');
  expect((await machine.run('systemctl is-enabled oc-hugetlb-gigantic-pages')).stdout).toBe('enabled\n');
});

test.each([
  ['==', null],
  ['=', 'vfio-pci'],
])('a script for sh that compares with %s does its work or not where sh is dash', async (operator, expected) => {
  const machine = await bench('debian-12-intel');
  prepare(machine, `#!/bin/sh\nif [ "$class" ${operator} 0x030000 ]; then echo vfio-pci >driver_override; fi\n`);
  await machine.boot();
  expect(await driver(machine, '31:00.0')).toBe(expected);
});

test('a module whose `install` line does nothing is not loaded', async () => {
  const machine = await bench('debian-12-intel');
  machine.write('/etc/modprobe.d/off.conf', 'install nouveau /bin/true\n');
  await machine.boot();
  expect((await machine.run('lsmod')).stdout).not.toContain('nouveau');
  expect(await driver(machine, '31:00.0')).toBeNull();
});

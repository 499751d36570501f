import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { raw, type Script } from '../../src/shell/script.ts';
import type { Output } from '../../src/shell/shell.ts';
import { run } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** A device of a machine that is made of files. */
export interface FakeDevice {
  readonly address: string;
  /** `vendor:device`. */
  readonly id: string;
  readonly driver?: string;
  readonly group?: number;
  /** The driver that the kernel has for it; default: that which it has now. */
  readonly natural?: string | null;
  /** A disk below it, mounted there. */
  readonly mounted?: string;
}

/** A tree that looks like `/sys` and `/proc`, and moves devices between drivers as the kernel would. */
export interface FakeKernel {
  driverOf(address: string): string | null;
  overrideOf(address: string): string;
  /** A guest opens the group. */
  open(pid: number, node: string): void;
  run(script: Script, shell: readonly string[]): Promise<Output>;
  stop(): void;
}

/** `refuses`: drivers that take no device. Constructed; see Documentation/ABI/testing/sysfs-bus-pci. */
export function fakeKernel(devices: readonly FakeDevice[], refuses: readonly string[] = []): FakeKernel {
  const root = temporaryFolder('kernel');
  const at = (...parts: readonly string[]): string => path.join(root, ...parts);
  const bus = at('sys/bus/pci');
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  const drivers = new Set([
    'vfio-pci',
    ...devices.flatMap(({ driver, natural }) => [driver ?? [], natural ?? []].flat()),
  ]);
  for (const driver of drivers) write(path.join(bus, 'drivers', driver, 'unbind'), '');
  write(path.join(bus, 'drivers_probe'), '');
  write(at('proc/self/mountinfo'), '21 1 259:0 / / rw - ext4 /dev/root rw\n');
  write(at('proc/swaps'), 'Filename\tType\n');
  // `ls` names a folder only where it lists several.
  for (const pid of [1, 2]) mkdirSync(at(`proc/${pid}/fd`), { recursive: true });
  const linkOf = (address: string): string => path.join(bus, 'devices', address, 'driver');
  const driverOf = (address: string): string | null =>
    existsSync(linkOf(address)) ? path.basename(readlinkSync(linkOf(address))) : null;
  const bind = (address: string, driver: string | null): void => {
    if (driver !== null) symlinkSync(path.join(bus, 'drivers', driver), linkOf(address));
  };
  for (const { address, id, driver = null, group = 1, mounted } of devices) {
    const [vendor = '', device = ''] = id.split(':');
    const folder = path.join(bus, 'devices', address);
    write(path.join(folder, 'vendor'), `0x${vendor}\n`);
    write(path.join(folder, 'device'), `0x${device}\n`);
    write(path.join(folder, 'modalias'), `pci:v0000${vendor}d0000${device}\n`);
    write(path.join(folder, 'driver_override'), '(null)\n');
    symlinkSync(at(`sys/kernel/iommu_groups/${group}`), path.join(folder, 'iommu_group'));
    bind(address, driver);
    if (mounted === undefined) continue;
    write(path.join(folder, 'nvme/nvme7/nvme7n1/inflight'), '0 0\n');
    write(path.join(folder, 'nvme/nvme7/nvme7n1/dev'), '259:7\n');
    write(at('proc/self/mountinfo'), `30 21 259:7 / ${mounted} rw - ext4 /dev/nvme7n1 rw\n`);
  }
  const overrideOf = (address: string): string => {
    const text = readFileSync(path.join(bus, 'devices', address, 'driver_override'), 'utf8').trim();
    return text === '(null)' ? '' : text;
  };
  const take = (file: string): string => {
    const text = readFileSync(file, 'utf8').trim();
    if (text !== '') truncateSync(file);
    return text;
  };
  const step = (): void => {
    for (const driver of drivers) {
      const address = take(path.join(bus, 'drivers', driver, 'unbind'));
      if (address !== '' && driverOf(address) === driver) rmSync(linkOf(address));
    }
    const address = take(path.join(bus, 'drivers_probe'));
    const device = devices.find((one) => one.address === address);
    if (device === undefined || driverOf(address) !== null) return;
    const { natural = device.driver ?? null } = device;
    const driver = overrideOf(address) || (natural === 'vfio-pci' ? null : natural);
    if (driver !== null && !refuses.includes(driver)) bind(address, driver);
  };
  const timer = setInterval(step, 5);
  write(at('bin/modprobe'), '#!/bin/sh\n[ "$1" != no-such ]\n');
  return {
    driverOf,
    overrideOf,
    open: (pid, node) => {
      mkdirSync(at(`proc/${pid}/fd`), { recursive: true });
      symlinkSync(node, at(`proc/${pid}/fd/21`));
    },
    run: (script, shell) => {
      const text = script.text.replaceAll('/sys/', `${root}/sys/`).replaceAll(/(?<![\\\w])\/proc\//g, `${root}/proc/`);
      return run(raw(`modprobe() { sh ${root}/bin/modprobe "$@"; }\n${text}`), shell);
    },
    stop: () => clearInterval(timer),
  };
}

import { readlinkSync } from 'node:fs';
import path from 'node:path';
import type { Disk } from './disk.ts';
import { moduleFacts } from './module-table.ts';
import { pciPath } from './pci-paths.ts';
import type { Running } from './running.ts';

/** What tools have done to drivers: modprobe registers them, and binds and unbinds what they find. `null`: nothing. */
export function adoptDrivers(running: Running, disk: Disk, root: string): Running | null {
  const { modules, settings, kernel } = running;
  const present = disk.list('/sys/bus/pci/drivers');
  const known = modules.drivers.filter((driver) => present.includes(driver));
  const drivers = [...known, ...present.filter((driver) => !known.includes(driver))];
  const bound = new Map<string, string>();
  for (const { address } of settings.pci) {
    const driver = driverOf(path.join(root, pciPath(settings.pci, address)));
    if (driver !== null) bound.set(address, driver);
  }
  if (alike(modules.bound, bound) && drivers.join() === modules.drivers.join()) return null;
  const loaded = (disk.read('/proc/modules') ?? '').split('\n').flatMap((line) => line.split(' ')[0] || []);
  const builtin = kernel.builtin.flatMap((name) => moduleFacts(kernel, name).drivers);
  const all = [...new Set([...drivers, ...builtin])];
  return { ...running, modules: { ...modules, bound, drivers: all, loaded: loaded.reverse() } };
}

function driverOf(folder: string): string | null {
  try {
    return path.basename(readlinkSync(path.join(folder, 'driver')));
  } catch {
    return null;
  }
}

function alike(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

import type { FunctionDriver } from '../devices/virtual-functions.ts';
import type { PciDevice } from '../facts/facts.ts';
import type { FileWish } from './file-set.ts';
import type { State } from './resource.ts';
import { unitFiles, unitPath, wantsPath } from './systemd-unit.ts';

const target = 'multi-user.target';

/** Files of all devices, as globs. */
export const functionFiles: readonly string[] = [
  ...[unitPath('vfleet-vfs-*.service'), wantsPath('vfleet-vfs-*.service', target)],
  '/etc/vfleet/vfs-*.sh',
];

/** The unit that makes the functions of a device at boot. */
export function unitOf(address: string): string {
  return `vfleet-vfs-${address}.service`;
}

/** The files of one device: the unit, what starts it, and what it runs. */
export function filesOf(
  { address, vendor, device }: PciDevice,
  { count, driver }: { readonly count: number; readonly driver: FunctionDriver },
): readonly FileWish[] {
  const [unit, script] = [unitOf(address), scriptOf(address)];
  const service = { template: 'virtual-functions.service.hbs', data: { address, script, path: unitPath(unit) } };
  const data = { unit, address, id: `${vendor}:${device}`, count, driver: driver === 'host' ? '' : driver };
  return [
    ...unitFiles(unit, service, target),
    { path: script, content: { template: 'virtual-functions.sh.hbs', data } },
  ];
}

/** Devices that have such a unit, by address. */
export function devicesWithUnits(state: State): readonly string[] {
  const [units = ''] = functionFiles;
  return state.matches(units).flatMap((path) => /vfleet-vfs-(.+)\.service$/.exec(path)?.[1] ?? []);
}

/** Those of its files that are there. */
export function presentFiles(address: string, state: State): readonly string[] {
  const unit = unitOf(address);
  const all = new Set([unitPath(unit), wantsPath(unit, target), scriptOf(address)]);
  return functionFiles.flatMap((glob) => state.matches(glob)).filter((path) => all.has(path));
}

function scriptOf(address: string): string {
  return `/etc/vfleet/vfs-${address}.sh`;
}

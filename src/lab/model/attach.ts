import type { Cell } from '../cell.ts';
import type { Attached } from '../machine.ts';
import { loginEnvironment } from '../sandbox.ts';
import { bootUnits, driverctlPrograms } from './boot-units.ts';
import { type Disk, openDisk } from './disk.ts';
import type { Running } from './running.ts';
import { SysfsWrites } from './sysfs-writes.ts';

/**
 * The end of a boot, in which processes run: what rules of udev's asked for, driverctl's overrides, units that a target wants.
 * On a machine they run side by side with each other and with the rest. From then on, `/sys` is watched.
 */
export function attach(cell: Cell, running: Running): Attached {
  const run = (command: string) => runIn(cell, command);
  const writes = new SysfsWrites(cell, running, run);
  return { ready: finish(openDisk(cell.root), running, writes, run), detach: () => writes.close() };
}

async function finish(
  disk: Disk,
  running: Running,
  writes: SysfsWrites,
  run: (command: string) => Promise<void>,
): Promise<void> {
  const units = bootUnits(disk).map((unit) => `systemctl start ${unit}`);
  for (const command of [...running.modules.programs, ...driverctlPrograms(disk), ...units]) {
    // Without power.
    if (writes.closed) return;
    await run(command);
    await writes.settle();
  }
}

/** Resolves when the command has ended, whatever it says. */
async function runIn(cell: Cell, command: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const child = cell.spawn(command, loginEnvironment('127.0.0.1 0 127.0.0.1 0'));
    child.stdin.on('error', () => {}).end();
    child.stdout.resume();
    child.stderr.resume();
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
}

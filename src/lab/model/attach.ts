import type { Cell } from '../cell.ts';
import { loginEnvironment } from '../sandbox.ts';
import { bootUnits, driverctlPrograms } from './boot-units.ts';
import { openDisk } from './disk.ts';
import type { Running } from './running.ts';
import { SysfsWrites } from './sysfs-writes.ts';

/**
 * The end of a boot, in which processes run: what rules of udev's asked for, driverctl's overrides, units that a target wants.
 * On a machine they run side by side with each other and with the rest. From then on, `/sys` is watched.
 */
export async function attach(cell: Cell, running: Running): Promise<() => void> {
  const run = (command: string) => runIn(cell, command);
  const writes = new SysfsWrites(cell, running, run);
  const disk = openDisk(cell.root);
  for (const program of [...running.modules.programs, ...driverctlPrograms(disk)]) {
    await run(program);
    await writes.settle();
  }
  for (const unit of bootUnits(disk)) {
    await run(`systemctl start ${unit}`);
    await writes.settle();
  }
  return () => writes.close();
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

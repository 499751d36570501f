import { cp, mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import type { Cell } from './cell.ts';
import { DiskFaults } from './disk-faults.ts';
import type { Faults } from './faults.ts';
import type { Boot, MachineKind, MachineModel } from './machine.ts';
import type { Sandbox } from './sandbox.ts';
import { emptyVolatile, removeTree } from './tree.ts';

/** What is needed to boot a machine. */
export interface Bootable {
  /** Folder of the node; its tree is `root` in it. */
  readonly folder: string;
  readonly kind: MachineKind;
  readonly model: MachineModel;
  readonly sandbox: Sandbox;
}

/** A machine that is up: processes can run in it. */
export interface RunningMachine {
  readonly cell: Cell;
  /** The last part of its boot, in which processes run already, has ended. */
  readonly ready: Promise<void>;
  setDisk(faults: Faults): Promise<void>;
  /** Kills every process; what they have written to the disk stays. */
  kill(): Promise<void>;
  killNow(): void;
}

/** Boots a machine from what is on its disk. Resolves with why it is dead when it does not come up. */
export async function bootMachine(
  { folder, kind, model, sandbox }: Bootable,
  faults: Faults,
  oldEntry: boolean,
): Promise<RunningMachine | Extract<Boot, { kind: 'dead' }>> {
  const root = path.join(folder, 'root');
  await emptyVolatile(root);
  const boot = () => model.boot(root, kind);
  const came = oldEntry ? await withOldBoot(folder, boot) : await boot();
  if (came.kind === 'dead') return came;
  await keepBoot(folder);
  const cell = await sandbox.open(root);
  const disk = new DiskFaults(cell);
  try {
    await disk.set(faults);
  } catch (error) {
    await cell.kill();
    throw error;
  }
  const { ready, detach } = came.attach?.(cell) ?? { ready: Promise.resolve(), detach: () => {} };
  return {
    cell,
    ready,
    setDisk: (next) => disk.set(next),
    kill: () => {
      detach();
      return disk.kill();
    },
    killNow: () => {
      detach();
      disk.killNow();
    },
  };
}

const keptName = 'boot-before';

/** Keeps a copy of /boot as the machine came up with it. */
async function keepBoot(folder: string): Promise<void> {
  await removeTree(path.join(folder, keptName));
  await cp(path.join(folder, 'root/boot'), path.join(folder, keptName), { recursive: true, verbatimSymlinks: true });
}

/** Boots with the /boot of the last time; the new one is in place again afterwards. */
async function withOldBoot(folder: string, boot: () => Promise<Boot>): Promise<Boot> {
  const current = path.join(folder, 'root/boot');
  const aside = path.join(folder, 'boot-aside');
  await rename(current, aside);
  try {
    await mkdir(current);
    await cp(path.join(folder, keptName), current, { recursive: true, verbatimSymlinks: true });
    return await boot();
  } finally {
    await removeTree(current);
    await rename(aside, current);
  }
}

import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { signal } from '../processes.ts';
import { runProgram } from './program.ts';
import { type Machine, nodeFiles, qemuArguments } from './qemu-arguments.ts';

/** Turns a node on. It goes on when this process ends. Errors: `lab.vm-program`. */
export async function powerOn(machine: Machine): Promise<void> {
  await rm(join(machine.folder, nodeFiles.pid), { force: true });
  await appendFile(join(machine.folder, nodeFiles.console), `\n${powerOnMark}\n`);
  await runProgram('qemu-system-x86_64', qemuArguments(machine), {
    limit: 60_000,
    next: `if its port ${machine.port} is taken, free it; else vfleet lab vm down and up`,
  });
}

/** Takes the power away, as the loss of it does: nothing is shut down. Resolves when the node is off. */
export async function powerCut(folder: string): Promise<void> {
  const pid = await processOf(folder);
  if (pid === null) return;
  signal(pid, 'SIGKILL');
  while ((await processOf(folder)) !== null) await pause(20);
}

/** The process id of a node's QEMU; `null`: it is off. */
export async function processOf(folder: string): Promise<number | null> {
  const pid = Number((await text(join(folder, nodeFiles.pid), 'utf8')).trim());
  if (!Number.isInteger(pid) || pid <= 1) return null;
  // The id may by now be that of another program. QEMU's own names this very file. A killed one that nobody waited for has
  // no arguments.
  const mine = `\0-pidfile\0${folder}/${nodeFiles.pid}\0`;
  return (await text(`/proc/${pid}/cmdline`, 'utf8')).includes(mine) ? pid : null;
}

/** What stands in a console's log where the node was turned on. */
const powerOnMark = 'lab-node: power on';

export type NodeState = 'off' | 'booting' | 'up';

/**
 * What a node is at, by its console: `up` when it has said that its SSH server listens, and neither
 * GRUB nor what UEFI starts has come since.
 * Not by a knock at that server: OpenSSH 9.8 and later shuts out who knocks often and does not log in.
 * Source: sshd_config(5), PerSourcePenalties, `noauth`.
 */
export async function stateOf(folder: string): Promise<NodeState> {
  if ((await processOf(folder)) === null) return 'off';
  const log = await text(join(folder, nodeFiles.console), 'latin1');
  const marks = log.match(/lab-node: power on|BdsDxe: starting|Loading Linux|lab-node: boot [0-9a-f-]{36}/g);
  return marks?.at(-1)?.startsWith('lab-node: boot') === true ? 'up' : 'booting';
}

/** How often a node has booted since it was made, by what it said on its console: no report of ours. */
export async function bootsOf(folder: string): Promise<number> {
  // What kernel and firmware say may stand before it on its line; each boot has an id of its own.
  const said = (await text(join(folder, nodeFiles.console), 'latin1')).match(/lab-node: boot [0-9a-f-]{36}/g);
  return new Set(said).size;
}

/** The end of a node's console, for an error. */
export async function consoleEnd(folder: string, lines = 12): Promise<string> {
  const printable = (await text(join(folder, nodeFiles.console), 'latin1')).replace(/[^\x20-\x7e\n]+/g, '');
  return printable.trimEnd().split('\n').slice(-lines).join('\n');
}

async function text(file: string, encoding: 'utf8' | 'latin1'): Promise<string> {
  return readFile(file, encoding).catch(() => '');
}

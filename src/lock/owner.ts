import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, told apart from a later one with the same id. */
export interface Owner {
  readonly pid: number;
  /** Clock ticks from boot to its start. Source: proc(5), `/proc/PID/stat`, field 22. */
  readonly started: string;
  /** Boot id of the machine. */
  readonly boot: string;
  /** Its process namespace, in which the id holds. */
  readonly namespace: string;
  /** Host name of the machine: a home folder may be shared by several. Absent: this one. */
  readonly machine?: string;
}

/** This process. */
export function thisProcess(): Owner {
  return { pid: process.pid, started: startOf(process.pid) ?? '', ...surroundings(), machine: hostname() };
}

/** Whether the owner is known to have ended. One of another machine or process namespace is never known to. */
export function hasEnded(owner: Owner): boolean {
  const here = surroundings();
  if (owner.machine !== undefined && owner.machine !== hostname()) return false;
  if (owner.boot !== here.boot) return true;
  return owner.namespace === here.namespace && startOf(owner.pid) !== owner.started;
}

function surroundings(): Pick<Owner, 'boot' | 'namespace'> {
  return {
    boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    namespace: readlinkSync('/proc/self/ns/pid'),
  };
}

function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

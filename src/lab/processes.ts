import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Ids of the processes whose root folder is `root` or lies in it. Source: proc(5), `/proc/PID/root`. */
export function processesIn(root: string): readonly number[] {
  return allProcesses().filter((pid) => {
    try {
      const found = readlinkSync(`/proc/${pid}/root`);
      return found === root || found.startsWith(`${root}/`);
    } catch {
      return false;
    }
  });
}

/** Kills every process in a tree, those that fork meanwhile among them; resolves when none is left. */
export async function killProcessesIn(root: string): Promise<void> {
  for (let left = processesIn(root); left.length > 0; left = processesIn(root)) {
    for (const pid of left) signal(pid, 'SIGKILL');
    await delay(2);
  }
}

/** The only child of a process; `null`: it has none yet. */
export function childOf(pid: number): number | null {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    if (child) return Number(child);
  } catch {
    // A kernel without CONFIG_PROC_CHILDREN: look through all of them.
  }
  return allProcesses().find((candidate) => parentOf(candidate) === pid) ?? null;
}

/** A process and all that it started and those started, itself first. */
export function treeOf(root: number): readonly number[] {
  const parents = allProcesses().map((pid) => [pid, parentOf(pid)] as const);
  const below = (pid: number): readonly number[] => [
    pid,
    ...parents.flatMap(([child, parent]) => (parent === pid ? below(child) : [])),
  ];
  return below(root);
}

/** Sends a signal; a process that is gone already is none of our concern. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone.
  }
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the name in brackets, which may hold blanks and brackets.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

function allProcesses(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

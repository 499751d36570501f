import { spawn } from 'node:child_process';
import { type Cell, loginShell } from './cell.ts';
import { killProcessesIn, processesIn, signal } from './processes.ts';

/** A cell made by chroot(8) alone. `prefix`: programs that the commands are started through. */
export function openChrootCell(root: string, prefix: readonly string[]): Cell {
  const [program = 'chroot', ...args] = [...prefix, 'chroot', root, ...loginShell];
  return {
    strategy: 'chroot',
    root,
    view: root,
    mounts: null,
    spawn: (command, environment) =>
      spawn(program, [...args, command], { env: environment, detached: true, stdio: 'pipe', cwd: '/' }),
    groupOf: (child) => (child.exitCode === null && child.signalCode === null ? (child.pid ?? null) : null),
    kill: () => killProcessesIn(root),
    killNow: () => {
      for (const pid of processesIn(root)) signal(pid, 'SIGKILL');
    },
  };
}

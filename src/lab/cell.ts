import type { ChildProcessWithoutNullStreams } from 'node:child_process';

/** How a node's processes are kept apart from this machine. */
export type Strategy =
  /** As root: own mount, process, host name, IPC and network namespaces, and chroot. */
  | 'namespaces'
  /** The same inside a user namespace, for those who are not root. */
  | 'user-namespaces'
  /** As root where no namespace may be made, as in most containers: chroot alone. */
  | 'chroot';

/** The processes of one node from power-on to power-off, shut into its file tree. */
export interface Cell {
  readonly strategy: Strategy;
  readonly root: string;
  /** The tree as the node's processes see it, mounts included, as a path of this machine. */
  readonly view: string;
  /** Starts `/bin/sh -c COMMAND` in the node, as a session of its own, with a clean environment. */
  spawn(command: string, environment: Readonly<Record<string, string>>): ChildProcessWithoutNullStreams;
  /** The process group of a command, as a process id of this machine; `null`: it has ended. */
  groupOf(child: ChildProcessWithoutNullStreams): number | null;
  /**
   * Runs a script of this machine's shell among the node's mounts; `null` where a node has none of its own.
   * Errors: `lab.mount`.
   */
  readonly mounts: ((script: string, ...args: readonly string[]) => Promise<void>) | null;
  /** Kills every process of the node, also those that detached themselves; resolves when all are gone. */
  kill(): Promise<void>;
  /** The same without waiting, for the end of the lab's own process. */
  killNow(): void;
}

/** The command as sshd starts it: in the home folder. */
export const loginShell = [
  '/bin/sh',
  '-c',
  'cd "$HOME" 2>/dev/null || cd /; unset OLDPWD; exec /bin/sh -c "$1"',
  'sh',
] as const;

import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import type { Cell } from './cell.ts';
import { signal } from './processes.ts';

/** How a command of a node ended. */
export type CommandEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals };

/** A command that runs on a node, or, on a canned node, seems to. */
export interface Command {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the command itself has ended; others may still hold its streams. */
  readonly ended: Promise<CommandEnd>;
  /** Sends a signal to its process group. */
  kill(name: NodeJS.Signals): void;
}

/** A process of a cell as a command. */
export function processCommand(child: ChildProcessWithoutNullStreams, cell: Pick<Cell, 'groupOf'>): Command {
  const { stdin, stdout, stderr } = child;
  return {
    stdin,
    stdout,
    stderr,
    ended: new Promise((resolve) => {
      child.on('error', () => resolve({ kind: 'exit', code: 255 }));
      child.on('exit', (code, name) =>
        resolve(name === null ? { kind: 'exit', code: code ?? 255 } : { kind: 'signal', signal: name }),
      );
    }),
    kill: (name) => {
      const group = cell.groupOf(child);
      if (group !== null) signal(-group, name);
    },
  };
}

/** A command that could not be started: sshd's child prints why and exits with 1. */
export function failedCommand(reason: string): Command {
  const command = streamCommand();
  command.stderr.end(`/bin/sh: ${reason}\n`);
  command.stdout.end();
  return { ...command, ended: Promise.resolve({ kind: 'exit', code: 1 }), kill: () => {} };
}

/** Streams for a command that is no process. */
export function streamCommand() {
  return { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
}

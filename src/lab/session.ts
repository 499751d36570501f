import type { Readable, Writable } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import type { Command } from './command.ts';
import type { CommandFaults } from './faults.ts';

/** The link that a command was asked for over. */
export interface Link {
  /** Breaks it: the client sees a lost connection. */
  cut(): void;
  /** Whether the machine has lost its power: nothing more is said, not even goodbye. */
  readonly silent: boolean;
  readonly counters: { bytesIn: number; bytesOut: number };
}

/**
 * Moves bytes between an SSH channel and a command, as sshd does: the exit status goes out when the command ends, the
 * channel closes when its output streams are closed as well. Returns what to call when the client is gone.
 *
 * The pipes of the command are then closed, and that is all: OpenSSH sends no signal to a command without a terminal,
 * which lives on until it next writes. Source: sshd 9.2, observed; session.c, `session_close`.
 */
export function serve(channel: ServerChannel, command: Command, faults: CommandFaults, link: Link): () => void {
  const budget = { output: faults.cutOutputAfter };
  channel.write(faults.banner);
  serveInput(channel, command.stdin, faults.cutInputAfter, link);
  const streams = [
    serveOutput(command.stdout, channel, budget, link),
    serveOutput(command.stderr, channel.stderr, budget, link),
  ];
  void command.ended.then((end) => {
    if (link.silent) return;
    if (end.kind === 'exit') channel.exit(end.code);
    else channel.exit(end.signal.replace('SIG', ''), false, '');
  });
  void Promise.all([command.ended, ...streams]).then(() => {
    if (!link.silent) channel.end();
  });
  return () => {
    command.stdin.destroy();
    command.stdout.destroy();
    command.stderr.destroy();
  };
}

function serveInput(channel: Readable, stdin: Writable, cutAfter: number | null, link: Link): void {
  let left = cutAfter ?? Number.POSITIVE_INFINITY;
  // A command need not read its input.
  stdin.on('error', () => {});
  stdin.on('drain', () => channel.resume());
  const finish = () => {
    stdin.end();
    link.cut();
  };
  if (left === 0) {
    finish();
    return;
  }
  channel.on('data', (bytes: Buffer) => {
    if (left === 0) return;
    const passed = bytes.subarray(0, left);
    left -= passed.length;
    link.counters.bytesIn += passed.length;
    if (!stdin.write(passed) && left > 0) channel.pause();
    if (left === 0) finish();
  });
  channel.on('end', () => stdin.end());
}

/** Resolves when the source has ended and all of it is written. */
async function serveOutput(
  source: Readable,
  target: Writable,
  budget: { output: number | null },
  link: Link,
): Promise<void> {
  return new Promise((resolve) => {
    let writing = 0;
    let ended = false;
    const settle = () => {
      if (ended && writing === 0) resolve();
    };
    source.on('data', (bytes: Buffer) => {
      if (link.silent) return;
      const passed = bytes.subarray(0, budget.output ?? bytes.length);
      link.counters.bytesOut += passed.length;
      writing += 1;
      const room = target.write(passed, () => {
        writing -= 1;
        settle();
      });
      if (!room) {
        source.pause();
        target.once('drain', () => source.resume());
      }
      if (budget.output === null) return;
      budget.output -= passed.length;
      if (budget.output === 0) link.cut();
    });
    source.on('error', () => {});
    source.on('close', () => {
      ended = true;
      settle();
    });
  });
}

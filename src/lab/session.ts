import type { Readable, Writable } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import { type ChannelWriter, channelWriter } from './channel-writer.ts';
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
  const writer = channelWriter(channel);
  const output: Output = { writer, left: faults.cutOutputAfter, link };
  if (faults.banner !== '') void writer.write('stdout', faults.banner);
  serveInput(channel, command.stdin, faults.cutInputAfter, link);
  const streams = [serveOutput(command.stdout, 'stdout', output), serveOutput(command.stderr, 'stderr', output)];
  const isSilent = () => link.silent || output.left === 0;
  const finished = Promise.all([command.ended, ...streams]);
  void (async () => {
    // The status overtakes output that is still to come. A link that shall break in that output must carry none.
    const end = output.left === null ? await command.ended : (await finished)[0];
    if (isSilent()) return;
    if (end.kind === 'exit') channel.exit(end.code);
    else channel.exit(end.signal.replace('SIG', ''), false, '');
    await finished;
    if (!isSilent()) channel.end();
  })();
  return () => {
    if (faults.hangUp) command.kill('SIGHUP');
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

/** Where a command's output goes. */
interface Output {
  readonly writer: ChannelWriter;
  /** Bytes until the link breaks; `null`: it holds. */
  left: number | null;
  readonly link: Link;
}

/** Resolves when the source has ended and all of it is written. */
async function serveOutput(source: Readable, stream: 'stdout' | 'stderr', output: Output): Promise<void> {
  let written: Promise<void> = Promise.resolve();
  source.on('data', (bytes: Buffer) => {
    if (output.link.silent || output.left === 0) return;
    const passed = bytes.subarray(0, output.left ?? bytes.length);
    output.link.counters.bytesOut += passed.length;
    source.pause();
    written = output.writer.write(stream, passed);
    void written.then(() => source.resume());
    if (output.left === null) return;
    output.left -= passed.length;
    if (output.left === 0) void written.then(() => output.link.cut());
  });
  source.on('error', () => {});
  await new Promise<void>((resolve) => source.once('close', resolve));
  await written;
}

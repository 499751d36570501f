import { PassThrough } from 'node:stream';
import type { Command, CommandEnd } from './command.ts';

/** A command that a client has run on a node, with everything that went through. */
export interface Exchange {
  readonly command: string;
  readonly stdin: Buffer;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly end: CommandEnd;
}

/** The same command, told to a listener when it has ended and its output is closed. */
export function tap(text: string, command: Command, listener: (exchange: Exchange) => void): Command {
  const stdin: Buffer[] = [];
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  const input = new PassThrough();
  input.on('data', (bytes: Buffer) => stdin.push(bytes));
  input.on('close', () => command.stdin.end());
  command.stdin.on('error', () => {});
  input.pipe(command.stdin);
  command.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
  command.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
  const closed = [command.stdout, command.stderr].map(
    (stream) => new Promise<void>((done) => stream.on('close', done)),
  );
  void Promise.all([command.ended, ...closed]).then(([end]) => {
    listener({
      command: text,
      stdin: Buffer.concat(stdin),
      stdout: Buffer.concat(stdout),
      stderr: Buffer.concat(stderr),
      end,
    });
  });
  return { ...command, stdin: input };
}

import { setTimeout as delay } from 'node:timers/promises';
import { nonceOf } from '../shell/envelope.ts';
import { type Command, type CommandEnd, streamCommand } from './command.ts';
import type { Faults } from './faults.ts';
import { type KeyPair, makeKeyPair } from './keys.ts';
import { type Account, type Counters, SshServer } from './ssh-server.ts';

/** What a canned node is asked. */
export interface CannedQuestion {
  readonly command: string;
  /** Everything that came on standard input, as Latin-1 text: one character a byte. */
  readonly script: string;
  /** The nonce that the script's sections are marked with; `null`: it is no script of vfleet. */
  readonly nonce: string | null;
  /** How often the node has been asked before. */
  readonly asked: number;
  /** How often it has booted, from 1. */
  readonly boots: number;
}

export interface CannedAnswer {
  readonly code: number;
  readonly stdout: string | Uint8Array;
  readonly stderr?: string | Uint8Array;
  /** Milliseconds until the answer comes. Default: 0. */
  readonly delay?: number;
  /** The node goes down after the answer, and comes back after its boot time. */
  readonly reboot?: boolean;
}

/** Answers a question; `null`: it knows none, which looks like a command that is not there. */
export type Answer = (question: CannedQuestion) => CannedAnswer | null | Promise<CannedAnswer | null>;

/** Output of a script with these sections, as the script itself would print it. */
export function printSections(nonce: string, sections: Readonly<Record<string, string>>): string {
  return Object.entries(sections)
    .map(([key, text]) => `\n${nonce}:${key}\n${text}`)
    .join('');
}

export interface CannedParts {
  readonly name: string;
  readonly rack: string;
  readonly port: number;
  readonly account: Omit<Account, 'start'>;
  readonly answer: Answer;
  readonly faults: Faults;
  readonly bootTime: () => number;
}

/** A node without a machine: a real SSH server that gives recorded answers. For tests with very many nodes. */
export class CannedNode {
  readonly name: string;
  readonly rack: string;
  readonly port: number;
  readonly hostKey: KeyPair;
  readonly #parts: CannedParts;
  readonly #server: SshServer;
  #asked = 0;
  #boots = 1;
  #stopped = false;

  constructor(parts: CannedParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.rack = parts.rack;
    this.port = parts.port;
    this.hostKey = makeKeyPair(parts.name);
    this.#server = new SshServer(parts.port, { ...parts.account, start: (command) => this.#answer(command) });
    this.#server.setFaults(parts.faults);
  }

  get counters(): Readonly<Counters & { boots: number }> {
    return { ...this.#server.counters, boots: this.#boots };
  }

  async powerOn(): Promise<void> {
    await this.#server.listen(this.hostKey);
  }

  /** Goes down, and comes back after its boot time; resolves then. */
  async reboot(): Promise<void> {
    this.#server.close();
    await delay(this.#parts.bootTime());
    if (this.#stopped) return;
    this.#boots += 1;
    await this.powerOn();
  }

  dropConnections(): void {
    this.#server.dropConnections();
  }

  /** Replaces what is wrong with the node. Faults of a disk or a boot mean nothing here. */
  setFaults(faults: Faults): void {
    this.#server.setFaults(faults);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#server.close();
  }

  #answer(command: string): Command {
    const streams = streamCommand();
    const end = async (): Promise<CommandEnd> => {
      const script = await readAll(streams.stdin);
      const question = { command, script, nonce: nonceOf(script), asked: this.#asked, boots: this.#boots };
      this.#asked += 1;
      const answer = (await this.#parts.answer(question)) ?? unknown(command);
      if (answer.delay) await delay(answer.delay);
      streams.stdout.end(answer.stdout);
      streams.stderr.end(answer.stderr ?? '');
      if (answer.reboot) streams.stdout.once('close', () => void this.reboot());
      return { kind: 'exit', code: answer.code };
    };
    return { ...streams, ended: end(), kill: () => {} };
  }
}

function unknown(command: string): CannedAnswer {
  return { code: 127, stdout: '', stderr: `canned node: no answer to ${JSON.stringify(command)} and its script\n` };
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const pieces: Buffer[] = [];
  stream.on('data', (bytes: Buffer) => pieces.push(bytes));
  await new Promise<void>((done) => stream.once('close', done));
  return Buffer.concat(pieces).toString('latin1');
}

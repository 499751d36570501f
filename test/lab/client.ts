import { readFile } from 'node:fs/promises';
import ssh2, { type ClientChannel, type ConnectConfig } from 'ssh2';
import type { Lab } from '../../src/lab/lab.ts';

/** How a command ended for its client: `lost` when the channel closed with no exit status. */
export interface Ran {
  readonly end: number | string | 'lost';
  readonly stdout: string;
  readonly stderr: string;
}

/** A logged-in client. */
export interface TestClient {
  /** Runs a command. `stdin` is sent and ended; without it, standard input is ended at once. */
  run(command: string, stdin?: string | Buffer): Promise<Ran>;
  open(command: string): Promise<ClientChannel>;
  readonly closed: Promise<void>;
  readonly client: ssh2.Client;
  end(): void;
}

/** Logs in to a lab node, with its pinned host key. Rejects with the error of ssh2. */
export async function logIn(lab: Lab, name: string, options: ConnectConfig = {}): Promise<TestClient> {
  const all = [...lab.nodes, ...lab.canned];
  const node = all.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  const pinned = (await readFile(lab.knownHostsPath, 'utf8'))
    .split('\n')
    .find((line) => line.startsWith(`[127.0.0.1]:${node.port} `));
  const client = new ssh2.Client();
  client.setMaxListeners(100);
  const closed = new Promise<void>((resolve) => client.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    client.on('ready', resolve);
    client.on('connect', () => client.setNoDelay(true));
    client.on('error', reject);
    client.on('close', () => reject(new Error('closed before it was ready')));
    readFile(lab.keyFile).then((privateKey) => {
      client.connect({
        host: '127.0.0.1',
        port: node.port,
        username: 'root',
        privateKey,
        hostVerifier: (key: Buffer) => key.toString('base64') === pinned?.split(' ')[2],
        ...options,
      });
    }, reject);
  });
  const open = (command: string) =>
    new Promise<ClientChannel>((resolve, reject) => {
      client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
      client.on('close', () => reject(new Error('connection lost')));
    });
  return {
    client,
    closed,
    open,
    run: async (command, stdin = '') => {
      const channel = await open(command);
      channel.end(stdin);
      return collect(channel);
    },
    end: () => client.end(),
  };
}

/** Everything that a channel brings until it closes. */
export async function collect(channel: ClientChannel): Promise<Ran> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let end: Ran['end'] = 'lost';
  channel.on('data', (bytes: Buffer) => stdout.push(bytes));
  channel.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
  channel.on('exit', (code: number | null, signal?: string) => {
    end = code ?? signal ?? 'lost';
  });
  await new Promise<void>((resolve) => channel.on('close', () => resolve()));
  return { end, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** Waits until something holds, looking again every few milliseconds. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 120_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

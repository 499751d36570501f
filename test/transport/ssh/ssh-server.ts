import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type AuthContext, type Connection, type ServerChannel } from 'ssh2';
import type { SshTarget } from '../../../src/transport/ssh/target.ts';

/** What a test server lets in, and what it does wrong. Everything can be changed while it runs. */
export interface Behaviour {
  /** Public keys that log in, as lines of authorized_keys. */
  publicKeys: string[];
  password: string | null;
  /** Takes the password in a conversation only. */
  conversation: boolean;
  /** Runs a command; by default a real shell with `env`. */
  exec: ((command: string, channel: ServerChannel) => void) | null;
  /** Environment of commands. */
  env: NodeJS.ProcessEnv;
  /** The log-in shell and what stands before the command. */
  loginShell: readonly [string, ...string[]];
  /** Takes sessions, but never answers. */
  silentSessions: boolean;
  refuseSessions: boolean;
  /** Refuses forwarding, as `AllowTcpForwarding no` does. */
  forwarding: 'yes' | 'no' | 'silent';
}

/** A real SSH server of this process on a free port of the loopback, with real shells behind it. */
export interface TestServer {
  readonly port: number;
  readonly folder: string;
  readonly behaviour: Behaviour;
  /** Host key of the server in wire form, and as a line of a key file. */
  readonly hostKey: { readonly wire: Buffer; readonly line: string };
  /** A key that logs in. */
  readonly keyFile: string;
  readonly knownHosts: string;
  readonly counts: { connections: number; logins: number; tries: string[]; commands: string[]; forwards: number };
  /** A target that logs in with the key file. */
  target(changes?: Partial<SshTarget>): SshTarget;
  /** Cuts every connection, with a reset or not. */
  cut(how: 'end' | 'reset'): void;
  /** Stops listening; the files stay. */
  down(): Promise<void>;
  stop(): Promise<void>;
}

const { generateKeyPairSync, parseKey } = ssh2.utils;

/** A key pair and its wire form. */
export function makeKey(type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519'): {
  readonly private: string;
  readonly public: string;
  readonly wire: Buffer;
} {
  for (;;) {
    const pair =
      type === 'ecdsa'
        ? generateKeyPairSync('ecdsa', { bits: 256 })
        : type === 'rsa'
          ? generateKeyPairSync('rsa', { bits: 2048 })
          : generateKeyPairSync('ed25519');
    const parsed = parseKey(pair.public);
    // ssh2 1.17 strips zero bytes from the beginning of a public key: one ed25519 key in 256 is spoiled.
    if (!(parsed instanceof Error)) return { ...pair, wire: parsed.getPublicSSH() };
  }
}

/** Starts a server. `hostKeys`: private keys; a new ed25519 key by default. */
export async function startServer(changes: Partial<Behaviour> = {}, hostKeys?: readonly string[]): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-ssh-'));
  const pair = makeKey();
  const keyFile = join(folder, 'id_ed25519');
  writeFileSync(keyFile, pair.private, { mode: 0o600 });
  const privates = hostKeys ?? [makeKey().private];
  const hostKey = publicOf(privates[0] ?? '');
  const behaviour: Behaviour = {
    publicKeys: [pair.public],
    password: null,
    conversation: false,
    exec: null,
    env: { PATH: process.env['PATH'], HOME: folder },
    loginShell: ['/bin/sh', '-c'],
    silentSessions: false,
    refuseSessions: false,
    forwarding: 'yes',
    ...changes,
  };
  const counts: TestServer['counts'] = { connections: 0, logins: 0, tries: [], commands: [], forwards: 0 };
  const sockets = new Set<Socket>();
  const children = new Set<ChildProcess>();

  const speaker = new ssh2.Server({ hostKeys: [...privates] }, (client) => greet(client));
  const listener: Server = createServer((socket) => {
    counts.connections += 1;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    speaker.injectSocket(socket);
  });

  const greet = (client: Connection): void => {
    client.on('error', () => {});
    client.on('authentication', (context) => authenticate(context, behaviour, counts.tries));
    client.on('ready', () => {
      counts.logins += 1;
    });
    client.on('session', (accept, reject) => {
      if (behaviour.silentSessions) return;
      if (behaviour.refuseSessions) return reject();
      const session = accept();
      session.on('exec', (acceptExec, _reject, { command }) => {
        counts.commands.push(command);
        const channel = acceptExec();
        channel.on('error', () => {});
        if (behaviour.exec !== null) behaviour.exec(command, channel);
        else runCommand(command, channel, behaviour, children);
      });
    });
    client.on('tcpip', (accept, reject, { destIP, destPort }) => {
      counts.forwards += 1;
      if (behaviour.forwarding === 'no') reject();
      if (behaviour.forwarding !== 'yes') return;
      const socket = connect(destPort, destIP);
      sockets.add(socket);
      socket.once('error', () => reject());
      socket.once('connect', () => {
        const channel = accept();
        socket.on('error', () => channel.close());
        socket.pipe(channel).pipe(socket);
        channel.on('close', () => socket.destroy());
        socket.on('close', () => sockets.delete(socket));
      });
    });
  };

  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${hostKey.line}\n`);

  const down = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (!listener.listening) return;
    listener.close();
    await once(listener, 'close');
  };

  return {
    port,
    folder,
    behaviour,
    hostKey,
    keyFile,
    knownHosts,
    counts,
    target: (own = {}) => ({
      host: 'node01',
      address: '127.0.0.1',
      port,
      user: 'root',
      keyFile,
      password: null,
      agent: null,
      jump: null,
      knownHostsFiles: [knownHosts],
      hostKeyPolicy: 'strict',
      connectTimeout: 10_000,
      ...own,
    }),
    cut(how) {
      for (const socket of sockets) {
        if (how === 'reset') socket.resetAndDestroy();
        else socket.destroy();
      }
    },
    down,
    async stop() {
      for (const child of children) killGroup(child);
      await down();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function publicOf(privateKey: string): { readonly wire: Buffer; readonly line: string } {
  const key = parseKey(privateKey);
  if (key instanceof Error) throw key;
  const wire = key.getPublicSSH();
  return { wire, line: `${key.type} ${wire.toString('base64')}` };
}

function authenticate(context: AuthContext, behaviour: Behaviour, tries: string[]): void {
  const { password, conversation, publicKeys } = behaviour;
  const byPassword = conversation ? 'keyboard-interactive' : 'password';
  const methods: ('publickey' | 'password' | 'keyboard-interactive')[] = ['publickey'];
  if (password !== null) methods.push(byPassword);
  if (context.method !== 'none' && !(context.method === 'publickey' && context.signature === undefined)) {
    tries.push(context.method);
  }
  if (context.method === 'password' && !conversation && context.password === password) return context.accept();
  if (context.method === 'keyboard-interactive' && conversation && password !== null) {
    context.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
      if (answers[0] === password) context.accept();
      else context.reject(methods);
    });
    return;
  }
  if (context.method === 'publickey') {
    for (const line of publicKeys) {
      const key = parseKey(line);
      if (key instanceof Error || !key.getPublicSSH().equals(context.key.data)) continue;
      if (context.signature === undefined || context.blob === undefined) return context.accept();
      if (key.verify(context.blob, context.signature, context.hashAlgo) === true) return context.accept();
    }
    if (context.signature === undefined) tries.push('publickey refused');
  }
  context.reject(methods);
}

function runCommand(command: string, channel: ServerChannel, behaviour: Behaviour, children: Set<ChildProcess>): void {
  const [program, ...args] = behaviour.loginShell;
  const child = spawn(program, [...args, command], { env: behaviour.env, cwd: '/', stdio: 'pipe', detached: true });
  children.add(child);
  child.stdin.on('error', () => {});
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.on('exit', (code, signal) => {
    if (code !== null) channel.exit(code);
    else channel.exit(signal?.replace('SIG', '') ?? 'TERM');
  });
  // What a command leaves behind is in its process group, which `stop` ends.
  child.on('close', () => channel.end());
  channel.on('close', () => {
    child.stdout.destroy();
    child.stderr.destroy();
    child.stdin.destroy();
  });
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended in the meantime.
  }
}

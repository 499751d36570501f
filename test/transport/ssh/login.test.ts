import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import ssh2, { type ParsedKey } from 'ssh2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSshTransport, type SshTransport } from '../../../src/transport/ssh/ssh-transport.ts';
import type { SshTarget } from '../../../src/transport/ssh/target.ts';
import { startAgent } from './agent-server.ts';
import { type Behaviour, makeKey, startServer, type TestServer } from './ssh-server.ts';

let server: TestServer;
let transport: SshTransport;

beforeEach(async () => {
  server = await startServer();
  transport = createSshTransport();
});

afterEach(async () => {
  await transport.close();
  await server.stop();
});

/** Logs in and out again. */
async function visit(own: Partial<SshTarget> = {}): Promise<void> {
  const connection = await transport.connect(server.target(own));
  await connection.close();
}

async function errorOf(own: Partial<SshTarget> = {}): Promise<unknown> {
  return visit(own).then(
    () => 'logged in',
    (thrown: unknown) => thrown,
  );
}

function behave(changes: Partial<Behaviour>): void {
  Object.assign(server.behaviour, changes);
}

describe('key file', () => {
  it.each(['ed25519', 'ecdsa', 'rsa'] as const)('logs in with %s', async (type) => {
    const pair = makeKey(type);
    behave({ publicKeys: [pair.public] });
    const keyFile = join(server.folder, 'key');
    writeFileSync(keyFile, pair.private, { mode: 0o600 });
    await visit({ keyFile });
    expect(server.counts).toMatchObject({ logins: 1, tries: ['publickey'] });
  });

  it('that is missing, open to others, public or no key is named before anything connects', async () => {
    const write = (name: string, text: string, mode: number): string => {
      const path = join(server.folder, name);
      writeFileSync(path, text);
      chmodSync(path, mode);
      return path;
    };
    const pair = makeKey();
    const cases: [string, RegExp][] = [
      [join(server.folder, 'none'), /no such file/],
      [server.folder, /EISDIR|mode/],
      [write('open', pair.private, 0o644), /found mode 0644; next: chmod 600/],
      [write('group', pair.private, 0o640), /found mode 0640/],
      [write('key.pub', pair.public, 0o600), /found a public key; next: name the file without .pub/],
      [write('garbage', 'hello', 0o644), /found something else; next: correct ssh\.keyFile/],
    ];
    for (const [keyFile, message] of cases) {
      expect(await errorOf({ keyFile })).toMatchObject({
        code: 'ssh.key-file',
        message: expect.stringMatching(message),
        parts: { host: 'node01', thing: keyFile },
      });
    }
    expect(server.counts.connections).toBe(0);
  });

  it('may be corrected while the process runs', async () => {
    chmodSync(server.keyFile, 0o644);
    expect(await errorOf()).toMatchObject({ code: 'ssh.key-file' });
    chmodSync(server.keyFile, 0o600);
    await visit();
  });

  it('with a passphrase wants the agent', async () => {
    const keyFile = lockedKey(server.folder).path;
    expect(await errorOf({ keyFile })).toMatchObject({
      code: 'ssh.key-file',
      message: expect.stringContaining(`next: ssh-add ${keyFile}`),
    });
  });

  it('that is refused gives the methods that were tried and those that the server takes', async () => {
    behave({ publicKeys: [], password: 'right' });
    expect(await errorOf()).toMatchObject({
      code: 'ssh.auth',
      message: expect.stringMatching(
        /^node01: log-in to root@127.0.0.1:\d+: .*refused: key file .*id_ed25519; the server takes publickey, password; next: /,
      ),
    });
  });
});

describe('password', () => {
  it('logs in, after the key file was refused', async () => {
    behave({ publicKeys: [], password: 'right' });
    await visit({ password: 'right' });
    expect(server.counts.tries).toEqual(['publickey refused', 'password']);
  });

  it('logs in where it is asked for in a conversation only, at the first try', async () => {
    behave({ password: 'right', conversation: true });
    await visit({ keyFile: null, password: 'right' });
    expect(server.counts.tries).toEqual(['keyboard-interactive']);
  });

  it('that is wrong costs one failed log-in and is not shown', async () => {
    for (const conversation of [false, true]) {
      behave({ password: 'right', conversation });
      server.counts.tries.length = 0;
      const error = await errorOf({ keyFile: null, password: 'wrong-one' });
      expect(error).toMatchObject({ code: 'ssh.auth', message: expect.stringContaining('refused: password') });
      expect(JSON.stringify([error, String(error)])).not.toContain('wrong-one');
      expect(server.counts.tries).toHaveLength(1);
    }
  });

  it('is not sent to a server that does not take it', async () => {
    expect(await errorOf({ keyFile: null, password: 'right' })).toMatchObject({
      code: 'ssh.auth',
      message: expect.stringContaining('nothing tried; not tried: password; the server takes publickey'),
    });
    expect(server.counts.tries).toEqual([]);
  });

  it('or anything else must be there', async () => {
    expect(await errorOf({ keyFile: null })).toMatchObject({
      code: 'ssh.auth',
      message: expect.stringContaining('no key file, no agent and no password'),
    });
  });
});

describe('agent', () => {
  it('logs in, also with the key of a file that has a passphrase, and at most 6 keys are tried', async () => {
    const locked = lockedKey(server.folder);
    const pairs = Array.from({ length: 8 }, () => makeKey());
    const keys = [...pairs.map((pair) => parse(pair.private)), locked.key];
    const agent = await startAgent(join(server.folder, 'agent'), keys);
    try {
      behave({ publicKeys: [pairs[0]?.public ?? ''] });
      await visit({ keyFile: null, agent: agent.path });
      behave({ publicKeys: [locked.public] });
      await visit({ keyFile: locked.path, agent: agent.path });
      expect(server.counts.tries).toEqual(['publickey', 'publickey']);
      server.counts.tries.length = 0;
      behave({ publicKeys: [] });
      expect(await errorOf({ keyFile: null, agent: agent.path })).toMatchObject({
        message: expect.stringContaining('refused: agent (6 keys); 3 more keys of the agent not tried'),
      });
      expect(server.counts.tries).toHaveLength(6);
    } finally {
      await agent.stop();
    }
  });

  it('that is not there is a note, and the next method is tried', async () => {
    behave({ publicKeys: [], password: 'right' });
    const agent = join(server.folder, 'no-agent');
    await visit({ agent, password: 'right' });
    expect(await errorOf({ agent, password: null })).toMatchObject({
      code: 'ssh.auth',
      message: expect.stringMatching(/the agent at .*no-agent: Failed to connect to agent/),
    });
  });

  it('that never answers is within the deadline', async () => {
    const silent = await startSilent(join(server.folder, 'silent-agent'));
    try {
      expect(await errorOf({ agent: silent.path, connectTimeout: 300 })).toMatchObject({ code: 'ssh.timeout' });
    } finally {
      await silent.stop();
    }
  });
});

describe('host key', () => {
  it('is checked before anything is told', async () => {
    writeFileSync(server.knownHosts, '');
    behave({ password: 'right' });
    expect(await errorOf({ password: 'right' })).toMatchObject({
      code: 'ssh.host-key-unknown',
      parts: { host: 'node01' },
    });
    writeFileSync(server.knownHosts, `[127.0.0.1]:${server.port} ${makeKey().public}\n`);
    expect(await errorOf({ password: 'right' })).toMatchObject({ code: 'ssh.host-key-changed' });
    expect(server.counts).toMatchObject({ logins: 0, tries: [] });
  });

  it('is remembered on request', async () => {
    writeFileSync(server.knownHosts, '');
    await visit({ hostKeyPolicy: 'accept-new' });
    expect(readFileSync(server.knownHosts, 'utf8')).toBe(`[127.0.0.1]:${server.port} ${server.hostKey.line}\n`);
    await visit();
  });

  it('is asked for in the type that is known', async () => {
    const keys = [makeKey('ed25519'), makeKey('ecdsa'), makeKey('rsa')];
    const many = await startServer(
      {},
      keys.map((pair) => pair.private),
    );
    try {
      for (const pair of keys) {
        const line = pair.public.split(' ').slice(0, 2).join(' ');
        writeFileSync(many.knownHosts, `[127.0.0.1]:${many.port} ${line}\n`);
        const connection = await transport.connect(many.target());
        await connection.close();
      }
      expect(many.counts.logins).toBe(3);
    } finally {
      await many.stop();
    }
  });
});

describe('a server that', () => {
  const target = (port: number): Partial<SshTarget> => ({ port, connectTimeout: 400 });

  it('is not there, or has no name, is unreachable with the next step', async () => {
    const closed = await startTcp((socket) => socket.destroy());
    await closed.stop();
    expect(await errorOf(target(closed.port))).toMatchObject({
      code: 'ssh.unreachable',
      message: expect.stringMatching(
        /^node01: root@127.0.0.1:\d+: .*connection refused \(ECONNREFUSED\); next: check that sshd runs/,
      ),
    });
    expect(await errorOf({ address: 'no-such-host.invalid' })).toMatchObject({
      code: 'ssh.unreachable',
      message: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
    });
  });

  it('takes the connection and never speaks is a time-out', async () => {
    const mute = await startTcp(() => {});
    try {
      expect(await errorOf(target(mute.port))).toMatchObject({
        code: 'ssh.timeout',
        message: expect.stringContaining('expected a log-in within 0.4 s, found a connection, but no SSH handshake'),
      });
    } finally {
      await mute.stop();
    }
  });

  it('closes or resets at once is unreachable', async () => {
    for (const act of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
      const rude = await startTcp(act);
      try {
        expect(await errorOf({ port: rude.port })).toMatchObject({ code: 'ssh.unreachable' });
      } finally {
        await rude.stop();
      }
    }
  });

  it('closes or stops in the middle of the handshake ends in an error', async () => {
    const half = await startTcp((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    const frozen = await startTcp((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    try {
      expect(await errorOf({ port: half.port })).toMatchObject({ code: 'ssh.unreachable' });
      expect(await errorOf(target(frozen.port))).toMatchObject({ code: 'ssh.timeout' });
    } finally {
      await Promise.all([half.stop(), frozen.stop()]);
    }
  });

  it('is no SSH server is a protocol error', async () => {
    const web = await startTcp((socket) => socket.end(`HTTP/1.1 400 Bad Request\r\n\r\n${'x'.repeat(40_000)}`));
    const old = await startTcp((socket) => socket.end('SSH-1.5-old\r\n'));
    try {
      expect(await errorOf({ port: old.port })).toMatchObject({ code: 'ssh.protocol' });
      expect(await errorOf({ port: web.port })).toMatchObject({
        code: expect.stringMatching(/ssh\.(protocol|unreachable)/),
      });
    } finally {
      await Promise.all([web.stop(), old.stop()]);
    }
  });

  it('has no algorithm in common is a protocol error with the algorithms to allow', async () => {
    const speaker = new ssh2.Server(
      { hostKeys: [makeKey().private], algorithms: { cipher: ['aes256-cbc'] } },
      (client) => client.on('error', () => {}),
    );
    speaker.listen(0, '127.0.0.1');
    await once(speaker, 'listening');
    try {
      const { port } = speaker.address() as AddressInfo;
      expect(await errorOf({ port })).toMatchObject({
        code: 'ssh.protocol',
        message: expect.stringMatching(/no matching .*cipher; next: allow curve25519/),
      });
    } finally {
      speaker.close();
    }
  });
});

describe('an interruption', () => {
  it('ends a log-in at once', async () => {
    const mute = await startTcp(() => {});
    const interruption = new AbortController();
    try {
      const login = transport.connect(server.target({ port: mute.port, connectTimeout: 60_000 }), interruption.signal);
      await vi.waitUntil(() => mute.sockets.length > 0);
      interruption.abort();
      await expect(login).rejects.toMatchObject({ code: 'interrupted' });
      await expect(transport.connect(server.target(), interruption.signal)).rejects.toMatchObject({
        code: 'interrupted',
      });
    } finally {
      await mute.stop();
    }
  });
});

describe('limits', () => {
  it('no more log-ins at once than allowed', async () => {
    const limited = createSshTransport({ startsAtOnce: 3 });
    const mute = await startTcp(() => {});
    const stops = Array.from({ length: 6 }, () => new AbortController());
    try {
      const target = server.target({ port: mute.port, connectTimeout: 60_000 });
      const logins = stops.map((stop) => limited.connect(target, stop.signal));
      const ended = Promise.allSettled(logins);
      await vi.waitUntil(() => mute.sockets.length === 3);
      for (const [i, stop] of stops.entries()) {
        stop.abort();
        await expect(logins[i]).rejects.toMatchObject({ code: 'interrupted' });
        await vi.waitUntil(() => mute.sockets.length === Math.min(4 + i, 6));
      }
      await ended;
    } finally {
      await mute.stop();
    }
  });

  it('any number of connections', async () => {
    const limited = createSshTransport({ startsAtOnce: 2 });
    const connections = await Promise.all(Array.from({ length: 6 }, () => limited.connect(server.target())));
    expect(server.counts.logins).toBe(6);
    await Promise.all(connections.map((connection) => connection.close()));
  });
});

interface Tcp {
  readonly port: number;
  /** Everybody who has ever connected. */
  readonly sockets: readonly Socket[];
  stop(): Promise<void>;
}

async function startTcp(act: (socket: Socket) => void): Promise<Tcp> {
  const sockets: Socket[] = [];
  const listener = createServer((socket) => {
    sockets.push(socket.on('error', () => {}).resume());
    act(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return { port: (listener.address() as AddressInfo).port, sockets, stop: () => stopServer(listener, sockets) };
}

async function startSilent(path: string): Promise<{ readonly path: string; stop(): Promise<void> }> {
  const sockets: Socket[] = [];
  const listener = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
  });
  listener.listen(path);
  await once(listener, 'listening');
  return { path, stop: () => stopServer(listener, sockets) };
}

async function stopServer(listener: Server, sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy();
  listener.close();
  await once(listener, 'close');
}

/** A key file with a passphrase, and the same key without. Few rounds, as only its form matters. */
function lockedKey(folder: string): { readonly path: string; readonly key: ParsedKey; readonly public: string } {
  const pair = ssh2.utils.generateKeyPairSync('ecdsa', {
    bits: 256,
    passphrase: 'phrase',
    cipher: 'aes256-ctr',
    rounds: 1,
  });
  const path = join(folder, 'locked');
  writeFileSync(path, pair.private, { mode: 0o600 });
  return { path, key: parse(pair.private, 'phrase'), public: pair.public };
}

function parse(text: string, passphrase?: string): ParsedKey {
  const key = ssh2.utils.parseKey(text, passphrase);
  if (key instanceof Error) throw key;
  return key;
}

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSshTransport, type SshTransport } from '../../../src/transport/ssh/ssh-transport.ts';
import type { SshTarget } from '../../../src/transport/ssh/target.ts';
import type { Connection } from '../../../src/transport/transport.ts';
import { makeKey, startServer, type TestServer } from './ssh-server.ts';

let bastion: TestServer;
let server: TestServer;
let transport: SshTransport;

beforeEach(async () => {
  bastion = await startServer();
  server = await startServer();
  transport = createSshTransport();
});

afterEach(async () => {
  await transport.close();
  await server.stop();
  await bastion.stop();
});

const jump = (own: Partial<SshTarget> = {}): SshTarget => bastion.target({ host: 'bastion', ...own });
const target = (own: Partial<SshTarget> = {}): SshTarget => server.target({ jump: jump(), ...own });

async function say(connection: Connection): Promise<string> {
  const channel = await connection.open('echo hello');
  let text = '';
  channel.onStdout((bytes) => {
    text += bytes.toString();
  });
  await channel.ended;
  return text;
}

async function errorOf(own: Partial<SshTarget>): Promise<unknown> {
  return transport.connect(target(own)).then(
    () => 'connected',
    (thrown: unknown) => thrown,
  );
}

describe('a jump host', () => {
  it('carries the connection, and is logged in to once for all hosts behind it', async () => {
    const connections = await Promise.all(Array.from({ length: 12 }, () => transport.connect(target())));
    expect(await Promise.all(connections.map(say))).toEqual(Array(12).fill('hello\n'));
    expect(bastion.counts).toMatchObject({ logins: 1, forwards: 12, commands: [] });
    expect(server.counts.logins).toBe(12);
    await Promise.all(connections.map((connection) => connection.close()));
    await (await transport.connect(target())).close();
    expect(bastion.counts.logins).toBe(1);
  });

  it('can be behind another one', async () => {
    const first = await startServer();
    try {
      const connection = await transport.connect(target({ jump: jump({ jump: first.target({ host: 'first' }) }) }));
      expect(await say(connection)).toBe('hello\n');
      expect(first.counts.forwards).toBe(1);
      await connection.close();
      await transport.close();
    } finally {
      await first.stop();
    }
  });

  it('and the host behind it are each verified under their own name', async () => {
    writeFileSync(server.knownHosts, `[127.0.0.1]:${bastion.port} ${bastion.hostKey.line}\n`);
    expect(await errorOf({})).toMatchObject({
      code: 'ssh.host-key-unknown',
      message: expect.stringMatching(/^node01: .*ssh -p \d+ root@127.0.0.1 ssh-keyscan/),
    });
    writeFileSync(bastion.knownHosts, `[127.0.0.1]:${bastion.port} ${makeKey().public}\n`);
    await transport.close();
    await vi.waitUntil(async () => {
      const error = await errorOf({});
      return error instanceof Error && /^node01: jump host bastion .*ssh.host-key-changed/.test(error.message);
    });
  });

  it('that refuses the log-in is asked once, however many hosts are behind it', async () => {
    bastion.behaviour.publicKeys = [];
    for (let i = 0; i < 3; i++) {
      expect(await errorOf({})).toMatchObject({
        code: 'ssh.jump',
        message: expect.stringMatching(/^node01: jump host bastion \(root@127.0.0.1:\d+\): .*ssh.auth/),
      });
    }
    expect(bastion.counts.tries).toEqual(['publickey refused']);
  });

  it('that cannot be reached is named, and spoils no other', async () => {
    await bastion.down();
    expect(await errorOf({})).toMatchObject({ code: 'ssh.jump', message: expect.stringContaining('ECONNREFUSED') });
    const up = await startServer();
    try {
      expect(await errorOf({ jump: up.target({ host: 'bastion' }) })).toBe('connected');
    } finally {
      await up.stop();
    }
  });

  it('that forbids forwarding says so', async () => {
    bastion.behaviour.forwarding = 'no';
    expect(await errorOf({})).toMatchObject({ message: expect.stringMatching(/AllowTcpForwarding|cannot reach it/) });
  });

  it('that never answers is within the deadline', async () => {
    bastion.behaviour.forwarding = 'silent';
    expect(await errorOf({ connectTimeout: 300 })).toMatchObject({
      code: 'ssh.timeout',
      message: expect.stringContaining('through bastion'),
    });
  });

  it('that is lost takes the hosts behind it along, and is found again', async () => {
    const connection = await transport.connect(target());
    const channel = await connection.open('sleep 1000');
    bastion.cut('reset');
    expect(await channel.ended).toMatchObject({ kind: 'lost' });
    expect(await connection.closed).toMatch(/jump host bastion|closed/);
    const again = await transport.connect(target());
    expect(await say(again)).toBe('hello\n');
    await again.close();
  });

  it('is given up at once when the run is interrupted', async () => {
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    await vi.waitUntil(() => mute.listening);
    const address = mute.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const interruption = new AbortController();
    const login = transport.connect(target({ jump: jump({ port, connectTimeout: 500 }) }), interruption.signal);
    interruption.abort();
    await expect(login).rejects.toMatchObject({ code: 'interrupted' });
    mute.close();
  });

  it('that cannot reach the host says so', async () => {
    await server.down();
    await expect(transport.connect(target())).rejects.toMatchObject({
      code: 'ssh.unreachable',
      message: expect.stringContaining('bastion cannot reach it'),
    });
  });
});

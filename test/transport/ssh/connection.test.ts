import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSshTransport } from '../../../src/transport/ssh/ssh-transport.ts';
import type { Channel, Connection, Ending } from '../../../src/transport/transport.ts';
import { startServer, type TestServer } from './ssh-server.ts';

let server: TestServer;
let connection: Connection;

beforeEach(async () => {
  server = await startServer();
  connection = await createSshTransport().connect(server.target());
});

afterEach(async () => {
  await connection.close();
  await server.stop();
});

interface Heard {
  readonly stdout: string;
  readonly stderr: string;
  readonly ending: Ending;
}

async function hear(channel: Channel): Promise<Heard> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  channel.onStdout((bytes) => stdout.push(bytes));
  channel.onStderr((bytes) => stderr.push(bytes));
  const ending = await channel.ended;
  return { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString(), ending };
}

describe('a channel', () => {
  it('gives both streams and the exit code', async () => {
    const heard = await hear(await connection.open('echo out; echo err >&2; exit 3'));
    expect(heard).toEqual({ stdout: 'out\n', stderr: 'err\n', ending: { kind: 'exit', code: 3 } });
  });

  it('gives what is printed before anybody could listen', async () => {
    server.behaviour.exec = (_command, channel) => {
      channel.write('early');
      channel.stderr.write('too');
      channel.exit(0);
      channel.end();
    };
    const channel = await connection.open('anything');
    expect(await hear(channel)).toEqual({ stdout: 'early', stderr: 'too', ending: { kind: 'exit', code: 0 } });
  });

  it('takes input, more than fits at once, and the end of it', async () => {
    const channel = await connection.open('cat');
    const heard = hear(channel);
    const text = 'x'.repeat(5 * 1024 * 1024);
    channel.write(text);
    channel.end();
    channel.write('after the end');
    expect((await heard).stdout === text).toBe(true);
  });

  it('names the signal that killed the command', async () => {
    expect((await hear(await connection.open('kill -TERM $$'))).ending).toEqual({ kind: 'signal', signal: 'SIGTERM' });
  });

  // One stream at a time: the server of ssh2 1.17 forgets one of two streams that wait for room at the same time.
  it.each(['', '>&2'])('drains the stream %j although nobody listens', async (stream) => {
    const channel = await connection.open(`head -c 6000000 /dev/zero ${stream}; exit 4`);
    expect(await channel.ended).toEqual({ kind: 'exit', code: 4 });
  });

  it('closes at once, even when the command goes on', async () => {
    const channel = await connection.open('sleep 1000');
    channel.close();
    channel.close();
    expect(await channel.ended).toEqual({ kind: 'lost', reason: 'closed by vfleet' });
    expect((await hear(await connection.open('echo still'))).stdout).toBe('still\n');
  });

  it('is over when the command has ended and a process in the background holds its output', async () => {
    const heard = await hear(await connection.open('sleep 1000 & echo done; exit 5'));
    expect(heard).toMatchObject({ stdout: 'done\n', ending: { kind: 'exit', code: 5 } });
  });

  it('that ends without an exit code is lost', async () => {
    server.behaviour.exec = (_command, channel) => channel.close();
    expect((await (await connection.open('x')).ended).kind).toBe('lost');
  });
});

describe('a connection', () => {
  it.each(['end', 'reset'] as const)('that breaks by %s tells its channels and everybody after', async (how) => {
    const channel = await connection.open('echo begun; sleep 1000');
    const heard = hear(channel);
    await new Promise<void>((resolve) => channel.onStdout(() => resolve()));
    server.cut(how);
    expect(await heard).toMatchObject({ stdout: 'begun\n', ending: { kind: 'lost' } });
    expect(await connection.closed).toMatch(
      how === 'end' ? /closed the connection/ : /ECONNRESET|closed the connection/,
    );
    await expect(connection.open('true')).rejects.toMatchObject({ code: 'ssh.lost', parts: { host: 'node01' } });
  });

  it('that is closed here says so, and ends what is open or asked for', async () => {
    const channel = await connection.open('sleep 1000');
    server.behaviour.silentSessions = true;
    const pending = connection.open('true');
    pending.catch(() => {});
    await connection.close();
    await connection.close();
    expect(await connection.closed).toBe('closed by vfleet');
    expect((await channel.ended).kind).toBe('lost');
    await expect(pending).rejects.toMatchObject({ code: 'ssh.lost' });
  });

  it('leaves nothing behind after many commands', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): number => warnings.push(warning);
    process.on('warning', note);
    for (let i = 0; i < 30; i++) await hear(await connection.open('true'));
    await vi.waitUntil(() => server.counts.commands.length === 30);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('on which the server starts no command says why', async () => {
    server.behaviour.refuseSessions = true;
    await expect(connection.open('true')).rejects.toMatchObject({
      code: 'ssh.channel',
      message: expect.stringMatching(/Channel open failure.*MaxSessions/),
    });
    server.behaviour.refuseSessions = false;
    expect((await hear(await connection.open('echo again'))).stdout).toBe('again\n');
  });
});

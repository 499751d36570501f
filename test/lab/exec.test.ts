import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { processesIn } from '../../src/lab/processes.ts';
import { collect, eventually, logIn, type TestClient } from './client.ts';
import { startDoubles } from './start.ts';

let lab: Lab;
let client: TestClient;

beforeAll(async () => {
  lab = await startDoubles({ n1: {} }, { password: 'hunter2' });
  client = await logIn(lab, 'n1');
});

afterAll(async () => {
  client.end();
  await lab.stop();
});

describe('a command', () => {
  it('has its exit code, and both streams apart', async () => {
    expect(await client.run('echo out; echo err >&2; exit 7')).toEqual({ end: 7, stdout: 'out\n', stderr: 'err\n' });
  });

  it('tells the signal that it died by', async () => {
    expect((await client.run('kill -TERM $$')).end).toBe('SIGTERM');
    expect((await client.run('kill -KILL $$')).end).toBe('SIGKILL');
  });

  it('gets its input, and the end of it', async () => {
    const text = 'line\n'.repeat(200_000);
    const { stdout } = await client.run('wc -c; echo done', text);
    expect(stdout).toBe(`${text.length}\ndone\n`);
  });

  it('goes on after the end of its input', async () => {
    const channel = await client.open('cat; sleep 0.1; echo after');
    channel.end('before\n');
    expect((await collect(channel)).stdout).toBe('before\nafter\n');
  });

  it('answers while its input is still open', async () => {
    const channel = await client.open('read line; echo "got $line"; read line; echo "then $line"');
    const seen = collect(channel);
    channel.write('one\n');
    await new Promise<void>((resolve) => channel.once('data', () => resolve()));
    channel.end('two\n');
    expect(await seen).toEqual({ end: 0, stdout: 'got one\nthen two\n', stderr: '' });
  });

  it('may leave its input unread', async () => {
    expect(await client.run('exit 3', 'x'.repeat(3_000_000))).toMatchObject({ end: 3 });
  });

  it('may print much on both streams', async () => {
    const lines = (name: string) => Array.from({ length: 700_000 }, (_, index) => `${name}${index + 1}\n`).join('');
    const ran = await client.run('seq -f a%.0f 700000 & seq -f b%.0f 700000 >&2; wait');
    expect(ran.end).toBe(0);
    expect(ran.stdout === lines('a')).toBe(true);
    expect(ran.stderr === lines('b')).toBe(true);
  });

  it('passes every byte value through', async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const { stdout } = await client.run('od -An -v -tx1', all);
    expect(stdout.replaceAll(/\s/g, '')).toBe(all.toString('hex'));
  });

  it('takes signals from the client', async () => {
    const channel = await client.open('trap "echo hup; exit 9" HUP; echo ready; while :; do sleep 0.05; done');
    const seen = collect(channel);
    await new Promise<void>((resolve) => channel.once('data', () => resolve()));
    channel.signal('HUP');
    expect(await seen).toMatchObject({ end: 9, stdout: 'ready\nhup\n' });
  });

  it('keeps the channel open while a child holds its output, as with sshd', async () => {
    const channel = await client.open('{ sleep 0.3; echo late; } & exit 5');
    let exited = 0;
    channel.on('exit', () => {
      exited = Date.now();
    });
    const ran = await collect(channel);
    expect(ran).toEqual({ end: 5, stdout: 'late\n', stderr: '' });
    expect(Date.now() - exited).toBeGreaterThan(100);
  });

  it('runs beside nine others, and an eleventh is refused, as with sshd', async () => {
    const other = await logIn(lab, 'n1');
    const ten = await Promise.all(Array.from({ length: 10 }, () => other.open('cat')));
    await expect(other.open('true')).rejects.toThrow(/channel open failure/i);
    for (const channel of ten) channel.end();
    await Promise.all(ten.map(collect));
    expect((await other.run('echo room again')).stdout).toBe('room again\n');
    other.end();
  });
});

describe('a client that is lost', () => {
  it('leaves a silent command running with closed pipes, as with sshd', async () => {
    const other = await logIn(lab, 'n1');
    await other.open('read line; echo "$? [$line]" >/var/after-loss');
    const node = lab.node('n1');
    await eventually(() => processesIn(node.root).length > 0, 'the command runs');
    other.client.destroy();
    await eventually(async () => (await client.run('cat /var/after-loss')).stdout === '1 []\n', 'it saw the end');
  });

  it('kills a command that goes on printing', async () => {
    const other = await logIn(lab, 'n1');
    const channel = await other.open('while :; do echo more || exit; sleep 0.02; done');
    await new Promise<void>((resolve) => channel.once('data', () => resolve()));
    lab.node('n1').dropConnections();
    await other.closed;
    await eventually(() => processesIn(lab.node('n1').root).length === 0, 'nothing runs');
    client = await logIn(lab, 'n1');
  });

  it('does not touch what has detached itself', async () => {
    const other = await logIn(lab, 'n1');
    await other.run('setsid sh -c "while :; do date +%s%N >/run/beat; sleep 0.02; done" </dev/null >/dev/null 2>&1 &');
    other.end();
    await other.closed;
    const beat = async () => (await client.run('cat /run/beat')).stdout;
    const first = await beat();
    await eventually(async () => (await beat()) !== first, 'it still beats');
  });
});

describe('a log-in', () => {
  it('is counted, and so are commands and bytes', async () => {
    const before = lab.node('n1').counters;
    const other = await logIn(lab, 'n1');
    await other.run('cat', 'four');
    await other.run('true');
    other.end();
    const after = lab.node('n1').counters;
    expect(after.logins - before.logins).toBe(1);
    expect(after.connections - before.connections).toBe(1);
    expect(after.execs - before.execs).toBe(2);
    expect(after.bytesIn - before.bytesIn).toBe(4);
    expect(after.bytesOut - before.bytesOut).toBe(4);
  });

  it('works with the password of the lab, and no other', async () => {
    const withPassword = (password: string) => ({ password, privateKey: undefined as never });
    const other = await logIn(lab, 'n1', withPassword('hunter2'));
    expect((await other.run('echo in')).stdout).toBe('in\n');
    other.end();
    await expect(logIn(lab, 'n1', withPassword('hunter3'))).rejects.toThrow(/authentication/i);
  });

  it('is refused for another user and for another key', async () => {
    await expect(logIn(lab, 'n1', { username: 'admin' })).rejects.toThrow(/authentication/i);
    const { makeKeyPair } = await import('../../src/lab/keys.ts');
    await expect(logIn(lab, 'n1', { privateKey: makeKeyPair('x').privateKey })).rejects.toThrow(/authentication/i);
  });

  it('gives a person a shell without a terminal', async () => {
    const channel = await new Promise<Awaited<ReturnType<TestClient['open']>>>((resolve, reject) => {
      client.client.shell(false, (error, opened) => (error ? reject(error) : resolve(opened)));
    });
    channel.end('echo hi; exit 4\n');
    expect(await collect(channel)).toMatchObject({ end: 4, stdout: 'hi\n' });
  });
});

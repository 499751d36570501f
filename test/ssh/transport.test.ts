import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import { createShell } from '../../src/shell/remote-shell.ts';
import { sh } from '../../src/shell/script.ts';
import type { Shell } from '../../src/shell/shell.ts';
import { createSshTransport, type SshTransport } from '../../src/transport/ssh/ssh-transport.ts';
import type { SshTarget } from '../../src/transport/ssh/target.ts';
import { makeKey } from '../transport/ssh/ssh-server.ts';
import { canRun } from './requirements.ts';
import { type Sshd, sessionsOf, startSshd } from './sshd.ts';

/** Ends what serves a connection, as a crash or the kernel would. */
function endOneOf({ pid }: Sshd): void {
  const [session] = sessionsOf(pid);
  if (session === undefined) throw new Error('nobody is logged in');
  process.kill(session, 'SIGKILL');
}

describe.skipIf(!canRun('real sshd', ['sshd']))('a real sshd', () => {
  let sshd: Sshd;
  let transport: SshTransport;
  let shells: Shell[];

  beforeAll(async () => {
    sshd = await startSshd();
  });

  afterAll(async () => {
    await sshd?.stop();
  });

  beforeEach(() => {
    shells = [];
    transport = createSshTransport();
  });

  afterEach(async () => {
    await Promise.all(shells.map((shell) => shell.disconnect()));
    await transport.close();
  });

  function open(own: Partial<SshTarget> = {}, startTimeout = 10_000): Shell {
    const connect = (signal: AbortSignal) => transport.connect(sshd.target(own), signal);
    const shell = createShell({ host: 'node01', connect, elevate: 'none', elevatePassword: null, startTimeout });
    shells.push(shell);
    return shell;
  }

  async function errorOf(run: Promise<unknown>): Promise<VfleetError> {
    const thrown: unknown = await run.then(
      () => 'no error',
      (error: unknown) => error,
    );
    if (!(thrown instanceof VfleetError)) throw new Error(`no VfleetError: ${String(thrown)}`);
    return thrown;
  }

  it('runs scripts on one connection, in one command each', async () => {
    const shell = open();
    const before = sshd.log().split('Starting session: command').length;
    const script = sh`echo out; section ${'a b'}; printf 'x\\000y'; echo err >&2; exit 3`;
    const outputs = await Promise.all(Array.from({ length: 12 }, () => shell.run(script)));
    for (const output of outputs) {
      expect(output).toMatchObject({ code: 3, stdout: Buffer.from('out\n'), stderr: 'err\n', truncated: false });
      expect(output.sections.get('a b')).toEqual(Buffer.from('x\0y'));
    }
    expect(sshd.log().split('Starting session: command').length - before).toBe(12);
    expect(sessionsOf(sshd.pid).length).toBeLessThanOrEqual(2);
  });

  it('drains both streams at once, and tells signals', async () => {
    const output = await open().run(
      sh`head -c 6000000 /dev/zero & head -c 6000000 /dev/zero >&2; wait; kill -TERM $$`,
      { maxBytes: 500_000 },
    );
    expect(output).toMatchObject({ code: 143, truncated: true });
    expect([output.stdout.length, output.stderr.length]).toEqual([500_000, 500_000]);
  });

  it('takes and gives large data unchanged', async () => {
    const text = Array.from({ length: 100_000 }, (_, i) => `line ${i}`).join('\n');
    const { stdout } = await open().run(sh`printf %s ${text}`);
    expect(stdout.toString() === text).toBe(true);
  });

  it('that loses a connection under a script gives the next script a new one', async () => {
    const shell = open();
    const running = shell.run(sh`echo begun; sleep 5`, {
      onLine: () => endOneOf(sshd),
    });
    expect(await errorOf(running)).toMatchObject({ code: 'ssh.lost', parts: { host: 'node01' } });
    expect((await shell.run(sh`echo again`)).stdout.toString()).toBe('again\n');
  });

  it('that hangs after the log-in is given up', async () => {
    const shell = open({}, 500);
    await shell.run(sh`true`);
    const stopped = sessionsOf(sshd.pid);
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
    try {
      expect(await errorOf(shell.run(sh`true`))).toMatchObject({ code: 'shell.no-start' });
    } finally {
      for (const pid of stopped) process.kill(pid, 'SIGCONT');
    }
    expect((await shell.run(sh`echo again`)).stdout.toString()).toBe('again\n');
  });

  it('that hangs before the log-in is a time-out', async () => {
    process.kill(sshd.pid, 'SIGSTOP');
    try {
      const error = await errorOf(transport.connect(sshd.target({ connectTimeout: 400 })));
      expect(error).toMatchObject({ code: 'ssh.timeout', message: expect.stringContaining('no SSH handshake') });
    } finally {
      process.kill(sshd.pid, 'SIGCONT');
    }
  });

  it('is known or not', async () => {
    const { knownHosts, port } = sshd;
    const own = { knownHostsFiles: [`${knownHosts}.other`] };
    writeFileSync(`${knownHosts}.other`, '');
    expect(await errorOf(transport.connect(sshd.target(own)))).toMatchObject({ code: 'ssh.host-key-unknown' });
    await (await transport.connect(sshd.target({ ...own, hostKeyPolicy: 'accept-new' }))).close();
    await (await transport.connect(sshd.target(own))).close();
    writeFileSync(`${knownHosts}.other`, `[127.0.0.1]:${port} ${makeKey().public}\n`);
    expect(await errorOf(transport.connect(sshd.target(own)))).toMatchObject({ code: 'ssh.host-key-changed' });
  });

  it('refuses a wrong key, and says what it takes', async () => {
    const keyFile = `${sshd.folder}/wrong`;
    writeFileSync(keyFile, makeKey().private, { mode: 0o600 });
    expect(await errorOf(transport.connect(sshd.target({ keyFile })))).toMatchObject({
      code: 'ssh.auth',
      message: expect.stringContaining(`refused: key file ${keyFile}; the server takes publickey`),
    });
  });

  it('takes keys of all kinds', async () => {
    for (const type of ['ecdsa', 'rsa'] as const) {
      const pair = makeKey(type);
      const keyFile = `${sshd.folder}/id_${type}`;
      writeFileSync(keyFile, pair.private, { mode: 0o600 });
      writeFileSync(`${sshd.folder}/authorized_keys`, `${pair.public}\n`, { flag: 'a' });
      await (await transport.connect(sshd.target({ keyFile }))).close();
    }
  });

  it('can be reached through another one, which may forbid it', async () => {
    const jump = await startSshd();
    const closed = await startSshd({ config: ['AllowTcpForwarding no'] });
    try {
      const shell = open({ jump: jump.target({ host: 'bastion' }) });
      expect((await shell.run(sh`echo through`)).stdout.toString()).toBe('through\n');
      expect(await errorOf(transport.connect(sshd.target({ jump: closed.target({ host: 'closed' }) })))).toMatchObject({
        code: 'ssh.jump',
        message: expect.stringContaining('AllowTcpForwarding'),
      });
      const nowhere = sshd.target({ jump: jump.target({ host: 'bastion' }), port: 1 });
      expect(await errorOf(transport.connect(nowhere))).toMatchObject({
        code: 'ssh.unreachable',
        message: expect.stringMatching(/bastion cannot reach it: .*refused/),
      });
      const running = shell.run(sh`echo begun; sleep 5`, {
        onLine: () => endOneOf(jump),
      });
      expect(await errorOf(running)).toMatchObject({ code: 'ssh.lost' });
    } finally {
      await shells[0]?.disconnect();
      await transport.close();
      await Promise.all([jump.stop(), closed.stop()]);
    }
  });

  it('that allows one session at a time says so', async () => {
    const narrow = await startSshd({ config: ['MaxSessions 1'] });
    try {
      const connection = await transport.connect(narrow.target());
      const first = await connection.open('cat');
      expect(await errorOf(connection.open('true'))).toMatchObject({
        code: 'ssh.channel',
        message: expect.stringContaining('MaxSessions'),
      });
      first.end();
      expect(await first.ended).toEqual({ kind: 'exit', code: 0 });
      await connection.close();
    } finally {
      await narrow.stop();
    }
  });

  it('that forces another command is no shell', async () => {
    const forced = await startSshd({ config: ['ForceCommand echo only this'] });
    const connect = () => transport.connect(forced.target());
    const shell = createShell({ host: 'node01', connect, elevate: 'none', elevatePassword: null });
    try {
      expect(await errorOf(shell.run(sh`true`))).toMatchObject({
        code: 'shell.no-start',
        message: expect.stringContaining('exit code 0 before it: only this'),
      });
    } finally {
      await shell.disconnect();
      await forced.stop();
    }
  });

  it('ends its part when the connection is closed', async () => {
    const before = sessionsOf(sshd.pid).length;
    const shell = open();
    await shell.run(sh`true`);
    await shell.disconnect();
    await vi.waitUntil(() => sessionsOf(sshd.pid).length === before, { timeout: 120_000 });
  });
});

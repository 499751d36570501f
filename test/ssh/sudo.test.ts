import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import { createShell } from '../../src/shell/remote-shell.ts';
import { sh } from '../../src/shell/script.ts';
import type { Shell } from '../../src/shell/shell.ts';
import { createSshTransport } from '../../src/transport/ssh/ssh-transport.ts';
import { canRun, findProgram } from './requirements.ts';
import { type Sshd, startSshd } from './sshd.ts';
import { createUser, type TemporaryUser } from './temporary-user.ts';

const programs = ['sshd', 'sudo', 'visudo', 'useradd', 'chpasswd', 'faillock'];

describe.skipIf(!canRun('real sudo', programs, true))('real sudo over a real sshd', () => {
  let folder: string;
  let user: TemporaryUser;
  let sshd: Sshd;
  let shells: Shell[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vfleet-sudo-'));
    chmodSync(folder, 0o755);
    user = createUser(folder);
    sshd = await startSshd({ user: user.name });
  });

  afterAll(async () => {
    await sshd?.stop();
    user?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    shells = [];
    user.forget();
    user.change('usermod', '--shell', '/bin/sh');
    user.change('chage', '-d', '2024-01-01', '-E', '-1', '-M', '-1');
  });

  afterEach(async () => {
    await Promise.all(shells.map((shell) => shell.disconnect()));
  });

  function open(elevatePassword: string | null): Shell {
    const transport = createSshTransport();
    const connect = (signal: AbortSignal) => transport.connect(sshd.target(), signal);
    const shell = createShell({ host: 'node01', connect, elevate: 'sudo', elevatePassword, startTimeout: 10_000 });
    shells.push(shell);
    return shell;
  }

  /** Tells who runs it and what is left on standard input. */
  const whoami = sh`id -u; cat; read -r line; echo "read:$line"`;
  const asRoot = { code: 0, stdout: Buffer.from('0\nread:\n'), stderr: '', truncated: false };

  async function refusal(shell: Shell): Promise<VfleetError> {
    const proof = join(folder, 'ran');
    const thrown: unknown = await shell.run(sh`touch ${proof}`).catch((error: unknown) => error);
    expect(existsSync(proof)).toBe(false);
    if (!(thrown instanceof VfleetError)) throw new Error(`no VfleetError: ${String(thrown)}`);
    expect(JSON.stringify([thrown.parts, thrown.stack])).not.toContain(user.password);
    return thrown;
  }

  it('NOPASSWD, with and without a password at hand', async () => {
    user.rules('ALL=(ALL:ALL) NOPASSWD: ALL');
    for (const password of [null, user.password, 'wrong'])
      expect(await open(password).run(whoami)).toMatchObject(asRoot);
    expect(user.failures()).toBe(0);
  });

  it('with its password', async () => {
    user.rules('ALL=(ALL:ALL) ALL', 'timestamp_timeout=0');
    const shell = open(user.password);
    expect(await shell.run(whoami)).toMatchObject(asRoot);
    expect(await shell.run(whoami)).toMatchObject(asRoot);
    expect(user.failures()).toBe(0);
  });

  it('with its password and a terminal of its own for commands', async () => {
    user.rules('ALL=(ALL:ALL) ALL', 'use_pty, lecture=always');
    const { stdout } = await open(user.password).run(sh`id -u; printf 'a\\000b'; section bytes; printf '\\r\\n\\377'`);
    expect(stdout).toEqual(Buffer.from('0\na\0b'));
  });

  it('without a password where one is needed', async () => {
    user.rules('ALL=(ALL:ALL) ALL');
    expect(await refusal(open(null))).toMatchObject({ code: 'sudo.password-required' });
    expect(user.failures()).toBe(0);
  });

  it('with a wrong password: one failed log-in, for several scripts at once and later', async () => {
    user.rules('ALL=(ALL:ALL) ALL', 'passwd_tries=3');
    const shell = open('not-the-password');
    const errors = await Promise.all([refusal(shell), refusal(shell)]);
    errors.push(await refusal(shell));
    for (const error of errors) expect(error).toMatchObject({ code: 'sudo.password-wrong', parts: { host: 'node01' } });
    expect(JSON.stringify(errors.map((error) => error.parts))).not.toContain('not-the-password');
    expect(user.failures()).toBe(1);
    expect(user.log()).not.toContain('COMMAND=/bin/sh');
  });

  it('with a wrong password and one try only', async () => {
    user.rules('ALL=(ALL:ALL) ALL', 'passwd_tries=1');
    expect(await refusal(open('not-the-password'))).toMatchObject({ code: 'sudo.password-wrong' });
    expect(user.failures()).toBe(1);
  });

  it('with a cached ticket: the password is not sent', async () => {
    user.rules('ALL=(ALL:ALL) ALL', 'timestamp_type=global');
    expect(await open(user.password).run(whoami)).toMatchObject(asRoot);
    expect(await open('not-the-password').run(whoami)).toMatchObject(asRoot);
    expect(user.failures()).toBe(0);
  });

  it('with a password that must be changed', async () => {
    user.rules('ALL=(ALL:ALL) ALL');
    user.change('chage', '-d', '0');
    expect(await refusal(open(user.password))).toMatchObject({ code: 'sudo.expired' });
    expect(await refusal(open('not-the-password'))).toMatchObject({ code: 'sudo.password-wrong' });
    expect(user.failures()).toBe(1);
  });

  it('with an account that has expired', async () => {
    user.rules('ALL=(ALL:ALL) ALL');
    // sshd lets an expired account in no more: it expires while somebody is logged in.
    const shell = open(user.password);
    expect(await shell.run(whoami)).toMatchObject(asRoot);
    user.forget();
    user.change('chage', '-E', '2020-01-01');
    expect(await refusal(shell)).toMatchObject({ code: 'sudo.expired' });
  });

  it('NOPASSWD with an account that has expired', async () => {
    user.rules('ALL=(ALL:ALL) NOPASSWD: ALL');
    const shell = open(null);
    await shell.run(whoami);
    user.change('chage', '-E', '2020-01-01');
    expect(await refusal(shell)).toMatchObject({ code: 'sudo.expired' });
  });

  it('of a user that sudo does not know, or that may run something else', async () => {
    user.rules(null);
    expect(await refusal(open(user.password))).toMatchObject({ code: 'sudo.refused' });
    user.rules('ALL=(ALL:ALL) /usr/bin/true');
    expect(await refusal(open(user.password))).toMatchObject({ code: 'sudo.refused' });
    expect(user.failures()).toBe(0);
  });

  it('that wants a terminal', async () => {
    user.rules('ALL=(ALL:ALL) NOPASSWD: ALL', 'requiretty');
    for (const password of [null, user.password]) {
      expect(await refusal(open(password))).toMatchObject({
        code: 'sudo.refused',
        message: expect.stringContaining('requiretty'),
      });
    }
  });

  const known = ['dash', 'bash', 'rbash', 'csh', 'tcsh', 'fish', 'zsh', 'ksh'];
  const loginShells = known.filter((name) => findProgram(name) !== null);
  it.each(loginShells)('from the log-in shell %s', async (name) => {
    user.rules('ALL=(ALL:ALL) ALL', 'timestamp_timeout=0');
    user.change('usermod', '--shell', findProgram(name) ?? '');
    expect(await open(user.password).run(whoami)).toMatchObject(asRoot);
    user.rules('ALL=(ALL:ALL) NOPASSWD: ALL');
    expect(await open(null).run(whoami)).toMatchObject(asRoot);
  });

  it.skipIf(findProgram('bash') === null)('from a log-in shell that prints and shows everything', async () => {
    user.change('usermod', '--shell', findProgram('bash') ?? '');
    const file = join(user.home, '.bashrc');
    writeFileSync(file, 'echo Welcome; printf "no newline"; echo warning >&2; set -xv; PS4="$PS4 vfleet-"\n');
    user.rules('ALL=(ALL:ALL) ALL', 'timestamp_timeout=0');
    expect(await open(user.password).run(whoami)).toMatchObject(asRoot);
    user.rules('ALL=(ALL:ALL) NOPASSWD: ALL');
    expect(await open('not-the-password').run(whoami)).toMatchObject(asRoot);
    rmSync(file);
    expect(user.failures()).toBe(0);
  });
});

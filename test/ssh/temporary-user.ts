import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './requirements.ts';

/** A user of this machine for one suite, with a password and rules for sudo. Needs root. */
export interface TemporaryUser {
  readonly name: string;
  readonly password: string;
  readonly home: string;
  /** Replaces the user's rules in sudoers: `ALL=(ALL:ALL) NOPASSWD: ALL`; `null`: none. */
  rules(rule: string | null, defaults?: string): void;
  /** Runs `usermod` or `chage` for the user. */
  change(program: 'usermod' | 'chage', ...options: string[]): void;
  /** Failed log-ins that `pam_faillock` has counted for sudo since the last `forget`. */
  failures(): number;
  /** What sudo has logged since the last `forget`. */
  log(): string;
  /** Forgets tickets, counts and logs. */
  forget(): void;
  remove(): void;
}

/** `folder`: for home, logs and counts; everybody must be able to enter it. */
export function createUser(folder: string): TemporaryUser {
  const name = `vft${randomBytes(4).toString('hex')}`;
  const password = `Right-${randomBytes(6).toString('hex')}`;
  const home = join(folder, 'home');
  const sudoers = `/etc/sudoers.d/${name}`;
  const pam = `/etc/pam.d/${name}`;
  const log = join(folder, 'sudo.log');
  const counts = join(folder, 'faillock');
  run('useradd', ['--no-create-home', '--home-dir', home, '--shell', '/bin/sh', name]);
  run('chpasswd', [], `${name}:${password}\n`);
  mkdirSync(home);
  run('chown', [name, home]);
  mkdirSync(counts);
  // A service of its own: as that of sudo, but it counts, as RHEL and its relatives do by default with authselect.
  writeFileSync(
    pam,
    `auth required pam_faillock.so preauth silent dir=${counts} deny=10
auth sufficient pam_unix.so nodelay
auth [default=die] pam_faillock.so authfail dir=${counts} deny=10
account required pam_unix.so
password required pam_unix.so
session required pam_permit.so
`,
  );

  const user: TemporaryUser = {
    name,
    password,
    home,
    rules(rule, defaults = '') {
      const lines = [
        `Defaults:${name} logfile=${log}, !syslog, !mail_no_user, !mail_badpass, pam_service=${name}${defaults === '' ? '' : `, ${defaults}`}`,
        ...(rule === null ? [] : [`${name} ${rule}`]),
      ];
      writeFileSync(sudoers, `${lines.join('\n')}\n`, { mode: 0o440 });
      run('visudo', ['-c', '-q', '-f', sudoers]);
    },
    change(program, ...options) {
      run(program, [...options, name]);
    },
    failures() {
      const text = run('faillock', ['--dir', counts, '--user', name]);
      return text.split('\n').filter((line) => /^\d{4}-\d\d-\d\d .* V\s*$/.test(line)).length;
    },
    log: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    forget() {
      rmSync(log, { force: true });
      rmSync(join(counts, name), { force: true });
      for (const tickets of ['/run/sudo/ts', '/var/run/sudo/ts', '/var/lib/sudo/ts']) {
        rmSync(join(tickets, name), { force: true });
      }
    },
    remove() {
      user.forget();
      rmSync(sudoers, { force: true });
      rmSync(pam, { force: true });
      run('userdel', ['--force', name]);
    },
  };
  return user;
}

function run(program: string, args: readonly string[], input = ''): string {
  const path = findProgram(program);
  if (path === null) throw new Error(`${program} is not installed`);
  return execFileSync(path, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SshTarget } from '../../src/transport/ssh/target.ts';
import { makeKey } from '../transport/ssh/ssh-server.ts';
import { findProgram } from './requirements.ts';

/** A real OpenSSH server on the loopback, with files of its own. */
export interface Sshd {
  readonly port: number;
  /** Who may log in, with `keyFile`. */
  readonly user: string;
  readonly keyFile: string;
  /** A known_hosts file with the key of this server. */
  readonly knownHosts: string;
  /** For the server's files and those of a test. Everybody may read it. */
  readonly folder: string;
  /** Process id of the listener. */
  readonly pid: number;
  /** What the server has logged. */
  log(): string;
  target(own?: Partial<SshTarget>): SshTarget;
  stop(): Promise<void>;
}

export interface SshdOptions {
  /** Default: who runs the test. Another user needs root. */
  readonly user?: string;
  /** Lines of `sshd_config` that come first, and so win. */
  readonly config?: readonly string[];
}

/** Starts sshd and waits until it listens. */
export async function startSshd({ user = userInfo().username, config = [] }: SshdOptions = {}): Promise<Sshd> {
  const program = findProgram('sshd');
  if (program === null) throw new Error('sshd is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-sshd-'));
  // sshd reads authorized_keys with the rights of the user that logs in.
  chmodSync(folder, 0o755);
  const [hostKey, clientKey] = [makeKey(), makeKey()];
  const keyFile = join(folder, 'id_ed25519');
  const authorized = join(folder, 'authorized_keys');
  writeFileSync(join(folder, 'host_key'), hostKey.private, { mode: 0o600 });
  writeFileSync(keyFile, clientKey.private, { mode: 0o600 });
  writeFileSync(authorized, `${clientKey.public}\n`, { mode: 0o644 });
  // Debian's sshd wants its folder for privilege separation, which a boot would make.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });

  for (let tries = 0; ; tries++) {
    const port = await freePort();
    const file = join(folder, 'sshd_config');
    writeFileSync(file, `${[...config, ...defaults(folder, port, authorized)].join('\n')}\n`);
    const child = spawn(program, ['-D', '-e', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    const log = keepLog(child);
    if (await isListening(child, log)) return make({ user, port, folder, keyFile, hostKey, child, log });
    if (tries === 5) throw new Error(`sshd does not start:\n${log()}`);
  }
}

function defaults(folder: string, port: number, authorized: string): readonly string[] {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host_key')}`,
    `AuthorizedKeysFile ${authorized}`,
    'PidFile none',
    // The files lie in a folder of /tmp.
    'StrictModes no',
    // Without PAM a key logs in although the password has expired: sudo is to find out.
    'UsePAM no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'LogLevel VERBOSE',
    'UseDNS no',
  ];
}

interface Parts {
  readonly user: string;
  readonly port: number;
  readonly folder: string;
  readonly keyFile: string;
  readonly hostKey: { readonly public: string };
  readonly child: ChildProcess;
  readonly log: () => string;
}

function make({ user, port, folder, keyFile, hostKey, child, log }: Parts): Sshd {
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${hostKey.public}\n`);
  const pid = child.pid ?? 0;
  return {
    ...{ port, user, keyFile, knownHosts, folder, pid, log },
    target: (own = {}) => ({
      host: 'node01',
      address: '127.0.0.1',
      port,
      user,
      keyFile,
      password: null,
      agent: null,
      jump: null,
      knownHostsFiles: [knownHosts],
      hostKeyPolicy: 'strict',
      connectTimeout: 10_000,
      ...own,
    }),
    async stop() {
      const gone = once(child, 'exit');
      if (child.exitCode === null && child.signalCode === null) {
        // The servers of open connections first, as the listener sees to it that nothing is left of them.
        for (const session of sessionsOf(pid)) end(session, 'SIGTERM');
        for (let i = 0; i < 100 && sessionsOf(pid).length > 0; i++) await delay(20);
        for (const rest of [...sessionsOf(pid), pid]) end(rest, 'SIGKILL');
        await gone;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Process ids of the servers of open connections: the descendants of the listener that are sshd as well, those without
 * rights before their parents.
 */
export function sessionsOf(listener: number): readonly number[] {
  const children = readOrNothing(`/proc/${listener}/task/${listener}/children`).trim();
  const direct = children === '' ? [] : children.split(' ').map(Number);
  return direct.flatMap((pid) => (isSshd(pid) ? [...sessionsOf(pid), pid] : []));
}

/** Empty when the process has ended meanwhile, as sessions do at any moment. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isSshd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('sshd');
  } catch {
    return false;
  }
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended in the meantime.
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

function keepLog(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  return () => text;
}

async function isListening(child: ChildProcess, log: () => string): Promise<boolean> {
  return new Promise((resolve) => {
    child.stderr?.on('data', () => {
      if (log().includes('Server listening on')) resolve(true);
    });
    child.once('exit', () => resolve(false));
  });
}

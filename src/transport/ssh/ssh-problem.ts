import { VfleetError } from '../../errors.ts';
import { describeTarget, type SshTarget } from './target.ts';

/** What ssh2 and sockets add to an error. */
export interface RawError extends Error {
  readonly level?: string | undefined;
  readonly code?: string | number | undefined;
  readonly errors?: readonly Error[] | undefined;
}

const reasons: Readonly<Record<string, readonly [found: string, next: string]>> = {
  ECONNREFUSED: ['connection refused', 'check that sshd runs on that port, and the firewall of the host'],
  ECONNRESET: [
    'connection reset',
    'check sshd and the firewall of the host; sshd also drops clients that it throttles',
  ],
  EHOSTUNREACH: ['no route to the host', 'check that the host is up, and the network in between'],
  EHOSTDOWN: ['the host is down', 'check that the host is up, and the network in between'],
  ENETUNREACH: ['no route to the network', 'check the network and the address in the inventory'],
  ETIMEDOUT: ['no answer', 'check that the host is up, and the firewalls in between'],
  ENOTFOUND: ['a name that does not resolve', 'correct ssh.address in the inventory, or the name service'],
  EAI_AGAIN: ['a name service that does not answer', 'check the name service of this machine'],
  EMFILE: ['too many open files on this machine', 'raise `ulimit -n`, or run fewer hosts at once'],
};

/** An error of the network, before any SSH. */
export function unreachable(target: SshTarget, error: RawError): VfleetError {
  const code = String(error.code ?? '');
  const [found, next] = reasons[code] ?? [error.message || code, 'check the address and the network'];
  return new VfleetError({
    code: code === 'ETIMEDOUT' ? 'ssh.timeout' : 'ssh.unreachable',
    host: target.host,
    thing: where(target),
    expected: 'an SSH server',
    found: reasons[code] === undefined ? found : `${found} (${code})`,
    next,
    cause: error,
  });
}

/** The server took the connection and ended it before it said anything. */
export function closedEarly(target: SshTarget): VfleetError {
  return new VfleetError({
    code: 'ssh.unreachable',
    host: target.host,
    thing: where(target),
    expected: 'an SSH server',
    found: 'a connection that was closed before the log-in',
    next: "check sshd's log: MaxStartups, PerSourcePenalties and tcp wrappers drop clients like this",
  });
}

/** The deadline of a log-in has passed. */
export function timedOut(target: SshTarget, phase: string): VfleetError {
  return new VfleetError({
    code: 'ssh.timeout',
    host: target.host,
    thing: where(target),
    expected: `a log-in within ${target.connectTimeout / 1000} s`,
    found: phase,
    next: 'check that the host is up and not overloaded, and the firewalls in between',
  });
}

/** Both sides speak, but not the same. */
export function protocolProblem(target: SshTarget, error: RawError): VfleetError {
  const noMatch = /no matching/i.test(error.message);
  return new VfleetError({
    code: 'ssh.protocol',
    host: target.host,
    thing: where(target),
    expected: 'an SSH 2 server with algorithms of this decade',
    found: error.message,
    next: noMatch
      ? 'allow curve25519, ed25519 or rsa-sha2, and aes-gcm or aes-ctr in sshd_config of the host'
      : 'check what listens there: `ssh -v` shows it',
    cause: error,
  });
}

/** The way through the jump host failed. */
export function jumpProblem(
  target: SshTarget,
  jump: SshTarget,
  found: string,
  next: string,
  cause: unknown,
): VfleetError {
  return new VfleetError({
    code: 'ssh.jump',
    host: target.host,
    thing: `jump host ${jump.host} (${describeTarget(jump)})`,
    expected: `a way to ${target.address}:${target.port}`,
    found,
    next,
    cause,
  });
}

/** The link is gone. */
export function linkLost(host: string, reason: string): VfleetError {
  return new VfleetError({
    code: 'ssh.lost',
    host,
    thing: 'the SSH connection',
    expected: 'that it stays',
    found: reason,
    next: 'run the same command again',
  });
}

/** The caller gave the log-in up. */
export function interrupted(target: SshTarget): VfleetError {
  return new VfleetError({
    code: 'interrupted',
    host: target.host,
    thing: 'the log-in',
    found: 'that the run was interrupted',
    next: 'run the same command again',
  });
}

function where(target: SshTarget): string {
  const { jump } = target;
  return jump === null ? describeTarget(target) : `${describeTarget(target)} through ${jump.host}`;
}

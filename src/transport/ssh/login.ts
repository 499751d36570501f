import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type Client } from 'ssh2';
import { asVfleetError, type VfleetError } from '../../errors.ts';
import { algorithms } from './algorithms.ts';
import { type Authentication, prepareAuthentication } from './authentication.ts';
import { verifyHostKey } from './host-key.ts';
import type { KeyFiles } from './key-file.ts';
import { knownTypes } from './known-hosts.ts';
import type { KnownHostsStore } from './known-hosts-store.ts';
import { closedEarly, interrupted, protocolProblem, type RawError, timedOut, unreachable } from './ssh-problem.ts';
import type { SshTarget } from './target.ts';

/** What all log-ins share. */
export interface Services {
  readonly knownHosts: KnownHostsStore;
  readonly keyFiles: KeyFiles;
}

/** A client that is logged in. */
export interface Login {
  readonly client: Client;
  /** Resolves with the reason as soon as the link is known to be gone. */
  readonly closed: Promise<string>;
  /** Ends the link at once. */
  end(reason: string): void;
}

/** How the bytes get to the host, when not over a socket of this machine. */
export interface Carrier {
  open(signal: AbortSignal): Promise<Duplex>;
  /** Resolves with the reason when what carries is gone. */
  readonly closed: Promise<string>;
}

/** Seconds between questions whether the other side is still there, and how many may go unanswered. */
const keepalive = { seconds: 10, unanswered: 3 };

/** Milliseconds for what is still to be sent when a link is ended. */
const farewell = 1_000;

/**
 * Connects, checks the host key before anything is told, and authenticates, all within the target's deadline. Errors: see
 * `Transport.connect`; `interrupted`.
 */
export async function logIn(
  target: SshTarget,
  services: Services,
  carrier: Carrier | null,
  signal?: AbortSignal,
): Promise<Login> {
  const client = new ssh2.Client();
  const abandon = new AbortController();
  let stream: Duplex | null = null;
  let state: 'logging in' | 'open' | 'over' = 'logging in';
  let phase = 'nothing done yet';
  let problem: VfleetError | null = null;
  let authentication: Authentication | null = null;
  let resolveClosed: (reason: string) => void = () => {};
  const closed = new Promise<string>((resolve) => {
    resolveClosed = resolve;
  });

  const end = (reason: string): void => {
    if (state === 'over') return;
    state = 'over';
    resolveClosed(reason);
    abandon.abort();
    // A polite goodbye; then the stream is ended here, as a host that is gone would never end it.
    client.end();
    if (stream instanceof Socket) stream.destroySoon();
    const left = stream;
    if (left !== null) setTimeout(() => left.destroy(), farewell).unref();
  };

  return new Promise<Login>((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const fail = (error: VfleetError): void => {
      if (state !== 'logging in') return;
      settle();
      reject(error);
      end(error.message);
      stream?.destroy();
    };
    const abort = (): void => fail(interrupted(target));
    const timer = setTimeout(() => fail(timedOut(target, phase)), target.connectTimeout);

    client.on('error', (error: RawError) => {
      // An agent that cannot sign is no end: the next method is tried.
      const goesOn = error.level === 'agent' || (error.level === 'client-authentication' && !authentication?.exhausted);
      if (goesOn && state === 'logging in') return;
      if (state === 'logging in') fail(problem ?? explain(target, error, phase, authentication));
      else end(error.message);
    });
    client.on('close', () => {
      if (state === 'logging in') fail(problem ?? closedEarly(target));
      else end('the server closed the connection');
    });
    client.on('connect', () => {
      phase = 'a connection, but no SSH handshake';
    });
    client.on('handshake', () => {
      phase = 'an SSH handshake, but no end of the log-in';
    });
    client.on('change password', () => fail(explainExpired(target, authentication)));
    client.on('ready', () => {
      if (state !== 'logging in') return;
      state = 'open';
      settle();
      resolve({ client, closed, end });
    });
    void carrier?.closed.then((reason) => {
      if (state === 'logging in') fail(closedEarly(target));
      else end(reason);
    });
    if (signal?.aborted) return abort();
    signal?.addEventListener('abort', abort, { once: true });

    const begin = async (): Promise<void> => {
      const { address, port, knownHostsFiles } = target;
      const giveUp = (why: string): void => fail(authentication?.failure(why) ?? closedEarly(target));
      const prepared = await prepareAuthentication(target, services.keyFiles, giveUp);
      authentication = prepared;
      const known = knownTypes(await services.knownHosts.of(knownHostsFiles, address, port));
      phase = 'no connection';
      const opened = carrier === null ? new Socket() : await carrier.open(abandon.signal);
      if (state !== 'logging in') {
        opened.destroy();
        return;
      }
      stream = opened;
      client.connect({
        sock: opened,
        username: target.user,
        authHandler: (taken, partial, next) => prepared.handler(taken, partial, next),
        hostVerifier: (key: Buffer, verify: (valid: boolean) => void) => {
          verifyHostKey(services.knownHosts, target, key).then(
            () => verify(true),
            (thrown: unknown) => {
              problem = asVfleetError(thrown).of(target.host);
              verify(false);
            },
          );
        },
        algorithms: algorithms(known),
        keepaliveInterval: keepalive.seconds * 1000,
        keepaliveCountMax: keepalive.unanswered,
        // The deadline here covers names, sockets and agents as well.
        readyTimeout: 0,
      });
      if (opened instanceof Socket) opened.setNoDelay(true).connect({ host: address, port });
    };
    begin().catch((thrown: unknown) => fail(asVfleetError(thrown).of(target.host)));
  });
}

function explain(
  target: SshTarget,
  error: RawError,
  phase: string,
  authentication: Authentication | null,
): VfleetError {
  if (authentication?.exhausted) return authentication.failure();
  if (error.level === 'client-socket') return unreachable(target, error);
  if (error.message.includes('Connection lost before handshake')) return closedEarly(target);
  // A number is the reason of a disconnect message.
  const saidGoodbye = typeof error.code === 'number' && phase.includes('log-in');
  if (saidGoodbye && authentication !== null) return authentication.failure(`the server ended it: ${error.message}`);
  return protocolProblem(target, error);
}

function explainExpired(target: SshTarget, authentication: Authentication | null): VfleetError {
  return authentication?.failure('the server wants the password changed first') ?? closedEarly(target);
}

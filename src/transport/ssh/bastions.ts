import type { Duplex } from 'node:stream';
import pLimit, { type LimitFunction } from 'p-limit';
import { asVfleetError, VfleetError } from '../../errors.ts';
import type { Carrier, Login } from './login.ts';
import { interrupted, jumpProblem, unreachable } from './ssh-problem.ts';
import type { SshTarget } from './target.ts';

/** Milliseconds for which an unused bastion connection is kept, and for which a refused log-in is not tried again. */
const linger = 2_000;
const refusalLasts = 60_000;

/** The way through a jump host. */
export interface Way extends Carrier {
  /** Limits log-ins through this jump host at the same time. */
  readonly slots: LimitFunction;
  release(): void;
}

/** One connection per jump host, shared by all hosts behind it. */
export interface Bastions {
  /** Errors: `ssh.jump`, `interrupted`. */
  way(target: SshTarget, jump: SshTarget, signal?: AbortSignal): Promise<Way>;
  close(): void;
}

interface Bastion {
  readonly login: Promise<Login>;
  readonly slots: LimitFunction;
  users: number;
  idle: NodeJS.Timeout | undefined;
}

/** `logIn` logs in to the jump host itself. */
export function createBastions(slotsEach: number, logIn: (jump: SshTarget) => Promise<Login>): Bastions {
  const bastions = new Map<string, Bastion>();

  const begin = (jump: SshTarget, key: string): Bastion => {
    const bastion: Bastion = { login: logIn(jump), slots: pLimit(slotsEach), users: 0, idle: undefined };
    const forget = (): void => {
      clearTimeout(bastion.idle);
      if (bastions.get(key) === bastion) bastions.delete(key);
    };
    bastion.login.then(
      (login) => login.closed.then(forget),
      (thrown: unknown) => {
        // Hundreds of hosts behind one bastion must not make hundreds of failed log-ins there.
        if (isRefusal(thrown)) setTimeout(forget, refusalLasts).unref();
        else forget();
      },
    );
    bastions.set(key, bastion);
    return bastion;
  };

  return {
    async way(target, jump, signal) {
      const key = JSON.stringify(jump);
      const bastion = bastions.get(key) ?? begin(jump, key);
      bastion.users += 1;
      clearTimeout(bastion.idle);
      try {
        return makeWay(target, jump, await unlessAborted(target, bastion.login, signal), bastion);
      } catch (thrown) {
        release(bastion);
        if (signal?.aborted) throw thrown;
        throw describe(target, jump, asVfleetError(thrown));
      }
    },
    close() {
      for (const { login } of bastions.values()) {
        login.then(
          (made) => made.end('closed by vfleet'),
          () => {},
        );
      }
    },
  };
}

function makeWay(target: SshTarget, jump: SshTarget, login: Login, bastion: Bastion): Way {
  let released = false;
  return {
    slots: bastion.slots,
    closed: login.closed.then((reason) => `jump host ${jump.host}: ${reason}`),
    open: async (signal) => forward(target, jump, login, signal),
    release() {
      if (released) return;
      released = true;
      release(bastion);
    },
  };
}

function release(bastion: Bastion): void {
  bastion.users -= 1;
  if (bastion.users > 0) return;
  bastion.idle = setTimeout(() => {
    bastion.login.then(
      (login) => login.end('closed by vfleet'),
      () => {},
    );
  }, linger);
}

/** Waits for a log-in that others share: it goes on when one of them gives up. */
async function unlessAborted(target: SshTarget, login: Promise<Login>, signal?: AbortSignal): Promise<Login> {
  if (signal === undefined) return login;
  if (signal.aborted) throw interrupted(target);
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(interrupted(target));
    signal.addEventListener('abort', abort, { once: true });
    void login.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** A stream from the jump host to the target. Given up when the signal is aborted. */
async function forward(target: SshTarget, jump: SshTarget, { client }: Login, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    try {
      client.forwardOut('127.0.0.1', 0, target.address, target.port, (error, stream) => {
        if (error) reject(forwardProblem(target, jump, error));
        else if (signal.aborted) stream.destroy();
        else resolve(stream);
      });
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      reject(jumpProblem(target, jump, found, 'run the same command again', cause));
    }
  });
}

/** Reasons of RFC 4254, 5.1. */
function forwardProblem(target: SshTarget, jump: SshTarget, error: Error & { readonly reason?: unknown }): VfleetError {
  if (error.reason === 1) {
    const next = 'allow AllowTcpForwarding and PermitOpen in sshd_config of the jump host';
    return jumpProblem(target, jump, 'forwarding that the jump host forbids', next, error);
  }
  return error.reason === 2
    ? unreachable(target, new Error(`${jump.host} cannot reach it: ${error.message.replace(/^.*failure: /, '')}`))
    : jumpProblem(target, jump, error.message, 'check the connection of the jump host', error);
}

function describe(target: SshTarget, jump: SshTarget, error: VfleetError): VfleetError {
  const { parts } = error;
  const found = `${error.code}: ${parts.thing}${parts.found === undefined ? '' : `, ${parts.found}`}`;
  return jumpProblem(target, jump, found, parts.next ?? 'log in to the jump host by hand', error);
}

function isRefusal(thrown: unknown): boolean {
  return thrown instanceof VfleetError && /^ssh\.(auth|key-file|host-key)/.test(thrown.code);
}

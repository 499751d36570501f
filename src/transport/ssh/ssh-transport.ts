import pLimit from 'p-limit';
import type { Connection, Transport } from '../transport.ts';
import { createBastions, type Way } from './bastions.ts';
import { toConnection } from './connection.ts';
import { createKeyFiles } from './key-file.ts';
import { createKnownHostsStore } from './known-hosts-store.ts';
import { type Login, logIn, type Services } from './login.ts';
import type { SshTarget } from './target.ts';

export interface SshTransportOptions {
  /** Log-ins at the same time. Default: 16; each costs some 30 ms of this process. */
  readonly startsAtOnce?: number;
  /** Log-ins at the same time through one jump host. Default: 8. */
  readonly startsPerJump?: number;
  /** Told things that are odd, but no error: a line of known_hosts that is no entry. */
  readonly onWarning?: (text: string) => void;
}

/** Log-ins by SSH 2, in this process. Made once: it shares keys, known hosts and jump hosts between all targets. */
export interface SshTransport extends Transport<SshTarget> {
  /** Ends the connections to jump hosts, and so everything behind them. */
  close(): Promise<void>;
}

/** Host keys are always checked. Connections that are waited for are limited, those that are open are not. */
export function createSshTransport(options: SshTransportOptions = {}): SshTransport {
  const services: Services = {
    knownHosts: createKnownHostsStore(options.onWarning ?? (() => {})),
    keyFiles: createKeyFiles(),
  };
  const starts = pLimit(options.startsAtOnce ?? 16);
  const bastions = createBastions(options.startsPerJump ?? 8, async (jump) => reach(jump));

  /** The way to a jump host is found before a slot is taken, so that hosts that wait for one hold up nobody else. */
  const reach = async (target: SshTarget, signal?: AbortSignal): Promise<Login> => {
    const begin = async (way: Way | null): Promise<Login> => starts(() => logIn(target, services, way, signal));
    if (target.jump === null) return begin(null);
    const way = await bastions.way(target, target.jump, signal);
    try {
      const login = await way.slots(() => begin(way));
      void login.closed.then(() => way.release());
      return login;
    } catch (thrown) {
      way.release();
      throw thrown;
    }
  };

  return {
    async connect(target, signal): Promise<Connection> {
      return toConnection(target.host, await reach(target, signal));
    },
    async close() {
      bastions.close();
    },
  };
}

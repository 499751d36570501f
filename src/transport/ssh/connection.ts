import type { ClientChannel } from 'ssh2';
import { VfleetError } from '../../errors.ts';
import type { Channel, Connection } from '../transport.ts';
import { toChannel, type Watch } from './channel.ts';
import type { Login } from './login.ts';
import { linkLost } from './ssh-problem.ts';

/** A log-in in the form of the transport. */
export function toConnection(host: string, login: Login): Connection {
  let isOpen = true;
  const watchers = new Set<(reason: string) => void>();
  const watch: Watch = (watcher) => {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  };
  void login.closed.then((reason) => {
    isOpen = false;
    for (const watcher of watchers) watcher(reason);
  });

  const open = async (command: string): Promise<Channel> =>
    new Promise((resolve, reject) => {
      let settled = false;
      const settle = (act: () => void): void => {
        if (!settled) act();
        settled = true;
        unwatch();
      };
      const unwatch = watch((reason) => settle(() => reject(linkLost(host, reason))));
      const answer = (error: Error | undefined, stream: ClientChannel): void => {
        // Errors of channels that the link's end took with it are told by `closed`, a moment later.
        if (error) setImmediate(() => settle(() => reject(refused(host, error))));
        else if (settled) stream.close();
        else settle(() => resolve(toChannel(stream, watch)));
      };
      try {
        if (isOpen) login.client.exec(command, answer);
        else settle(() => reject(linkLost(host, 'the connection is closed')));
      } catch (cause) {
        settle(() => reject(linkLost(host, cause instanceof Error ? cause.message : String(cause))));
      }
    });

  return {
    open,
    closed: login.closed,
    async close() {
      login.end('closed by vfleet');
    },
  };
}

function refused(host: string, cause: Error): VfleetError {
  return new VfleetError({
    code: 'ssh.channel',
    host,
    thing: 'a command on the SSH connection',
    expected: 'that the server starts it',
    found: cause.message,
    next: "check MaxSessions and the account's restrictions in sshd_config of the host",
    cause,
  });
}

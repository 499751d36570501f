import { VfleetError } from '../errors.ts';
import type { Channel, Connection } from '../transport/transport.ts';

/** The one connection to a host: opened when it is needed, kept, and opened anew when it was lost. */
export interface Link {
  /** Opens a channel. `answer`: milliseconds in which a connected host must answer. Errors: `shell.no-start`, those of connect. */
  open(command: string, answer: number): Promise<Channel>;
  close(): Promise<void>;
}

interface Held {
  readonly connection: Promise<Connection>;
  readonly abandon: AbortController;
}

/** `connect` is called when there is no connection; its signal is aborted when `close` is called before it is done. */
export function createLink(host: string, connect: (signal: AbortSignal) => Promise<Connection>): Link {
  let held: Held | null = null;

  const forget = (which: Held): void => {
    if (held === which) held = null;
  };
  const begin = (): Held => {
    const abandon = new AbortController();
    const made: Held = { connection: connect(abandon.signal), abandon };
    made.connection.then(
      (connection) => connection.closed.then(() => forget(made)),
      () => forget(made),
    );
    held = made;
    return made;
  };
  const openOn = async (which: Held, command: string, answer: number): Promise<Channel> => {
    const connection = await which.connection;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(noAnswer(host, answer));
        forget(which);
        // A host that does not answer here answers nothing: closing also ends the pending `open`.
        void connection.close();
      }, answer);
    });
    const opening = connection.open(command);
    opening.catch(() => {});
    try {
      return await Promise.race([opening, late]);
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    async open(command, answer) {
      const kept = held;
      if (kept === null) return openOn(begin(), command, answer);
      try {
        return await openOn(kept, command, answer);
      } catch (thrown) {
        // Lost while nobody looked. Nothing has run: a shell that starts does nothing before its script.
        if (!(thrown instanceof VfleetError) || thrown.code !== 'ssh.lost') throw thrown;
        forget(kept);
        return openOn(held ?? begin(), command, answer);
      }
    },
    async close() {
      const kept = held;
      held = null;
      if (kept === null) return;
      kept.abandon.abort();
      const connection = await kept.connection.catch(() => null);
      await connection?.close();
    },
  };
}

function noAnswer(host: string, milliseconds: number): VfleetError {
  return new VfleetError({
    code: 'shell.no-start',
    host,
    thing: 'a shell',
    expected: `that the host opens a channel within ${milliseconds / 1000} s`,
    found: 'no answer after the log-in',
    next: 'try `ssh` by hand: the host may be overloaded or out of processes',
  });
}

import type { ClientChannel } from 'ssh2';
import type { Channel, Ending } from '../transport.ts';

/**
 * Milliseconds without a byte after which a command that has exited is over, although something still holds its output
 * open: a background process that it left behind.
 */
const quietAfterExit = 5_000;

/** Calls back when the connection is gone, until the returned function is called. */
export type Watch = (watcher: (reason: string) => void) => () => void;

/** A channel of ssh2 in the form of the transport, on a connection that can be watched. */
export function toChannel(stream: ClientChannel, watch: Watch): Channel {
  const onStdout: ((bytes: Buffer) => void)[] = [];
  const onStderr: ((bytes: Buffer) => void)[] = [];
  let exit: Ending | null = null;
  let quiet: NodeJS.Timeout | undefined;
  let over = false;
  let finish: (ending: Ending) => void = () => {};
  const ended = new Promise<Ending>((resolve) => {
    finish = (ending) => {
      over = true;
      clearTimeout(quiet);
      unwatch();
      resolve(ending);
    };
  });
  const unwatch = watch((reason) => {
    // What has arrived is still delivered, within this turn of the event loop.
    setImmediate(() => finish(exit ?? { kind: 'lost', reason }));
  });

  const listen = (): void => {
    // Whoever opened the channel has its listeners in place by now. Nobody listening drains as well.
    stream.on('data', (bytes: Buffer) => pass(onStdout, bytes));
    stream.stderr.on('data', (bytes: Buffer) => pass(onStderr, bytes));
  };
  const pass = (listeners: readonly ((bytes: Buffer) => void)[], bytes: Buffer): void => {
    if (over) return;
    if (exit !== null) waitForQuiet(exit);
    for (const listener of listeners) listener(bytes);
  };
  const waitForQuiet = (ending: Ending): void => {
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      finish(ending);
      stream.close();
    }, quietAfterExit);
  };

  // A write after the end of the command is no news.
  stream.on('error', () => {});
  stream.stderr.on('error', () => {});
  stream.on('exit', (code: number | null, signal?: string) => {
    exit = code === null ? { kind: 'signal', signal: signal ?? 'unknown' } : { kind: 'exit', code };
    if (!over) waitForQuiet(exit);
  });
  const streams = [
    new Promise<void>((resolve) => stream.once('close', () => resolve())),
    new Promise<void>((resolve) => stream.stderr.once('close', () => resolve())),
  ];
  void Promise.all(streams).then(() => {
    finish(exit ?? { kind: 'lost', reason: 'the server closed the channel without an exit code' });
  });
  setImmediate(listen);

  return {
    write(bytes) {
      if (!over && stream.writable) stream.write(bytes);
    },
    end() {
      if (!over && stream.writable) stream.end();
    },
    onStdout: (listener) => {
      onStdout.push(listener);
    },
    onStderr: (listener) => {
      onStderr.push(listener);
    },
    ended,
    close() {
      if (over) return;
      finish({ kind: 'lost', reason: 'closed by vfleet' });
      stream.close();
    },
  };
}

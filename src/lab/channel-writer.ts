import type { ServerChannel } from 'ssh2';

/** Writes to both output streams of a channel, one piece after the other. */
export interface ChannelWriter {
  /** Resolves when the piece is on its way; never, when the channel is gone. */
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array | string): Promise<void>;
}

/**
 * One piece at a time, because ssh2 1.17 forgets one of two streams that wait for the client's window, and, as it never
 * clears the piece that waited last, sends stale output again for the other stream (`CHANNEL_WINDOW_ADJUST` in its
 * server.js). So what waited is cleared here.
 */
export function channelWriter(channel: ServerChannel): ChannelWriter {
  let last: Promise<void> = Promise.resolve();
  const writeNow = async (stream: 'stdout' | 'stderr', bytes: Uint8Array | string) => {
    await new Promise<void>((resolve) => {
      (stream === 'stdout' ? channel : channel.stderr).write(bytes, () => resolve());
    });
    for (const name of ['_chunk', '_chunkcb', '_chunkErr', '_chunkcbErr']) Reflect.set(channel, name, undefined);
  };
  return {
    write: (stream, bytes) => {
      last = last.then(() => writeNow(stream, bytes));
      return last;
    },
  };
}

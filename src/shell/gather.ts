/** Keeps the beginning of a stream, up to a limit. */
export interface Gather {
  push(bytes: Buffer): void;
  bytes(): Buffer;
  /** Whether anything was dropped. */
  truncated(): boolean;
}

/** `limit` in bytes. What is more is dropped as it comes, so that no command can fill the memory. */
export function createGather(limit: number): Gather {
  const pieces: Buffer[] = [];
  let room = limit;
  let truncated = false;
  return {
    push(bytes) {
      if (bytes.length > room) truncated = true;
      const kept = bytes.subarray(0, room);
      room -= kept.length;
      if (kept.length > 0) pieces.push(kept);
    },
    bytes: () => Buffer.concat(pieces),
    truncated: () => truncated,
  };
}

/** A stream of which the beginning, up to a marker line, is not part of the output. */
export interface MarkedStream {
  /** Takes bytes; returns those that come after the marker, `null` while it has not been seen. */
  push(bytes: Buffer): Buffer | null;
  /** What came before the marker: its last bytes, up to the limit. */
  head(): Buffer;
}

/** Waits for the marker as a whole line's end, wherever the pieces are cut. `limit`: bytes of the head that are kept. */
export function createMarkedStream(marker: string, limit = 64 * 1024): MarkedStream {
  const line = Buffer.from(`${marker}\n`);
  let head = Buffer.alloc(0);
  let found = false;
  return {
    push(bytes) {
      if (found) return bytes;
      const all = Buffer.concat([head, bytes]);
      // The marker can begin in an earlier piece.
      const at = all.indexOf(line, Math.max(0, head.length - line.length));
      found = at !== -1;
      head = all.subarray(Math.max(0, (found ? at : all.length) - limit), found ? at : all.length);
      return found ? all.subarray(at + line.length) : null;
    },
    head: () => head,
  };
}

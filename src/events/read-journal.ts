import { createReadStream } from 'node:fs';
import { VfleetError } from '../errors.ts';
import type { Stamped } from './event.ts';
import { checkHeader, isWhole, parseLine } from './journal-line.ts';

/** What a journal holds. */
export interface JournalContent {
  readonly events: readonly Stamped[];
  /** The last line was cut off, as a crash leaves it. It announced nothing that was done, and is left out. */
  readonly torn: boolean;
  /** Bytes up to the end of the last line that is not torn; its line end may be missing. */
  readonly size: number;
}

/**
 * Reads the journal of a run, also while it is written or after a crash. Errors: `journal.open`, `journal.newer`,
 * `journal.unreadable` with the line.
 */
export async function readJournal(path: string): Promise<JournalContent> {
  const events: Stamped[] = [];
  let number = 0;
  let size = 0;
  for await (const { bytes, ended } of lines(path)) {
    number += 1;
    // An intent is acted upon only when its line end is on disk too: a line without one was never acted upon.
    if (!ended && !isWhole(bytes)) return { events, torn: true, size };
    const position = `${path}:${number}`;
    if (number === 1) checkHeader(bytes, position);
    else events.push(parseLine(bytes, position));
    size += bytes.length + (ended ? 1 : 0);
  }
  return { events, torn: number === 0, size };
}

// Not node:readline, which also ends lines at U+2028, as it may stand inside JSON strings.
async function* lines(path: string): AsyncGenerator<{ readonly bytes: Buffer; readonly ended: boolean }> {
  let pieces: Buffer[] = [];
  for await (const chunk of chunks(path)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      yield { bytes: Buffer.concat([...pieces, chunk.subarray(start, end)]), ended: true };
      pieces = [];
      start = end + 1;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
  }
  if (pieces.length > 0) yield { bytes: Buffer.concat(pieces), ended: false };
}

async function* chunks(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) yield Buffer.from(chunk);
  } catch (thrown) {
    const found = thrown instanceof Error ? thrown.message : String(thrown);
    const next = 'name the folder of a run that is there';
    throw new VfleetError({ code: 'journal.open', thing: path, expected: 'a journal', found, next, cause: thrown });
  }
}

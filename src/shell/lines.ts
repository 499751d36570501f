import { StringDecoder } from 'node:string_decoder';

/** A longer line is shown cut: it is progress for people, not data. */
const longest = 4096;

/** Takes bytes apart into full lines as they arrive; the lines that `section` prints, with the newline before, are left out. */
export function createLines(nonce: string, onLine: (line: string) => void): (bytes: Buffer) => void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let heldEmpty = false;

  const take = (line: string): void => {
    const isBoundary = line.startsWith(`${nonce}:`);
    // An empty line may be the newline that comes before a boundary.
    if (heldEmpty && !isBoundary) onLine('');
    heldEmpty = line === '';
    if (!heldEmpty && !isBoundary) onLine(line.slice(0, longest));
  };

  return (bytes) => {
    const parts = (rest + decoder.write(bytes)).split('\n');
    rest = (parts.pop() ?? '').slice(0, longest);
    for (const part of parts) take(part);
  };
}

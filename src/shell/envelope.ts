import { VfleetError } from '../errors.ts';
import type { Script } from './script.ts';

/** Length of the nonce in bytes, before it is written as hex digits. */
export const nonceBytes = 16;

/**
 * A script as it is sent to `sh -s`: nothing of it runs unless all of it arrived, and no child of it can eat the rest.
 *
 * - The body is one function; every cut before the very last byte, the closing brace of the call, is a syntax error.
 * - The call reads from `/dev/null`, as standard input is the script itself.
 * - The prelude is within the function as well: even `umask 022`, cut in half, would print something. It sets `LC_ALL=C`
 *   for stable messages, `umask` and `/` as the working folder for a stable start, appends the folders of `sbin` to
 *   PATH, and removes variables that change what `cd`, `grep` and `read` do.
 * - There is no `set -u`: a `command` of a playbook is spliced in, and one unset variable of its author must not end the
 *   shell between two writes.
 *
 * The first line names the nonce, for servers that answer from a record. Errors: a nonce of another form is a bug.
 */
export function wrap(script: Script, nonce: string): string {
  checkNonce(nonce);
  return `VFLEET_NONCE=${nonce}
main() {
umask 022
cd /
unset CDPATH GREP_OPTIONS TMOUT
LC_ALL=C
PATH="\${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"
export LC_ALL PATH
section() { printf '\\n%s:%s\\n' "$VFLEET_NONCE" "$1"; }
${script.text}
}
{ main </dev/null; exit $?; }`;
}

/** The nonce of a wrapped script; `null` when the text is none. */
export function nonceOf(text: string): string | null {
  return /^VFLEET_NONCE=([0-9a-f]+)\n/.exec(text)?.[1] ?? null;
}

/** What a wrapped script printed. */
export interface Printed {
  /** Before the first section. */
  readonly stdout: Buffer;
  readonly sections: ReadonlyMap<string, Buffer>;
}

/**
 * Takes output apart at the lines that `section` printed, byte for byte; a boundary that is cut off is left out. Errors:
 * `shell.section` for a key that is empty, no UTF-8 or has control characters.
 */
export function parseOutput(output: Buffer, nonce: string): Printed {
  const boundary = Buffer.from(`\n${nonce}:`);
  const first = output.indexOf(boundary);
  if (first === -1) return { stdout: output, sections: new Map() };
  const pieces = new Map<string, Buffer[]>();
  for (let at = first; at !== -1; ) {
    const keyStart = at + boundary.length;
    const keyEnd = output.indexOf(0x0a, keyStart);
    if (keyEnd === -1) break;
    const next = output.indexOf(boundary, keyEnd + 1);
    const key = checkKey(output.subarray(keyStart, keyEnd));
    const bytes = output.subarray(keyEnd + 1, next === -1 ? output.length : next);
    const known = pieces.get(key);
    if (known === undefined) pieces.set(key, [bytes]);
    else known.push(bytes);
    at = next;
  }
  const sections = new Map([...pieces].map(([key, parts]) => [key, Buffer.concat(parts)]));
  return { stdout: output.subarray(0, first), sections };
}

function checkKey(bytes: Buffer): string {
  const key = bytes.toString('utf8');
  const faithful = Buffer.from(key).equals(bytes);
  if (key !== '' && faithful && !/\p{Cc}/u.test(key)) return key;
  throw new VfleetError({
    code: 'shell.section',
    thing: 'a section of a script',
    expected: 'a key of printable characters',
    found: JSON.stringify(key),
    next: 'give the section another key',
  });
}

function checkNonce(nonce: string): void {
  if (!/^[0-9a-f]{16,}$/.test(nonce)) throw new Error('a nonce must be at least 16 hex digits');
}

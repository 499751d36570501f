import { VfleetError } from '../errors.ts';

/**
 * A value as one word of POSIX `sh`: in single quotes, in which nothing has a meaning but the closing quote.
 * Source: POSIX.1-2017, Shell Command Language, 2.2.2. Errors: `shell.unquotable` for NUL, which no argument can hold, and
 * for half a surrogate pair, which UTF-8 cannot; the value itself is not shown, as it may be secret.
 */
export function quote(value: string): string {
  checkText(value);
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** Refuses text that a shell cannot be given. Errors: `shell.unquotable`. */
export function checkText(value: string): void {
  if (value.includes('\0')) throw unquotable('a NUL character');
  if (/\p{Surrogate}/u.test(value)) throw unquotable('half a surrogate pair');
}

function unquotable(found: string): VfleetError {
  return new VfleetError({
    code: 'shell.unquotable',
    thing: 'a value for a shell script',
    expected: 'text that a command argument can hold',
    found,
    next: 'remove it from the value',
  });
}

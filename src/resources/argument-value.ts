/** So that another copy of the package is understood too. */
const mark = Symbol.for('vfleet.absent');

/** The wish that an argument be removed, whoever put it there. */
export interface Absent {
  readonly [mark]: true;
}

/** A value, `true` for a bare word, a list for a repeated argument, `absent()`; anything falsy is not managed. */
export type ArgumentValue = string | true | readonly string[] | Absent | false | null | undefined;

/** Says of a kernel argument that it should not be there, whoever put it there. */
export function absent(): Absent {
  return { [mark]: true };
}

/** Whether a value is what `absent` made. */
export function isAbsentValue(value: unknown): value is Absent {
  return typeof value === 'object' && value !== null && mark in value;
}

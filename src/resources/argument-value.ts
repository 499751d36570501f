/** So that another copy of the package is understood too. */
const mark = Symbol.for('vfleet.absent');
const literal = Symbol.for('vfleet.exactly');

/** The wish that an argument be removed, whoever put it there. */
export interface Absent {
  readonly [mark]: true;
}

/** The wish that an argument stand there word for word. */
export interface Exactly {
  readonly [literal]: string;
}

/**
 * A value, `true` for a bare word, a list for a repeated argument, `absent()`, `exactly(value)`; anything falsy is not
 * managed.
 */
export type ArgumentValue = string | true | readonly string[] | Absent | Exactly | false | null | undefined;

/** Says of a kernel argument that it should not be there, whoever put it there. */
export function absent(): Absent {
  return { [mark]: true };
}

/**
 * Says of a kernel argument that it must stand there word for word, for programs that look for it in `/proc/cmdline` and know
 * none of the kernel's rules: to the kernel `intel_iommu=on,sm_on` says `intel_iommu=on` too. It is then added beside that.
 *
 * @example
 * kernelArguments({ intel_iommu: exactly('on'), iommu: exactly('pt') })
 */
export function exactly(value: string): Exactly {
  return { [literal]: value };
}

/** The value that `exactly` was given; `undefined`: this is not what it made. */
export function exactValue(value: unknown): unknown {
  return typeof value === 'object' && value !== null && literal in value ? value[literal] : undefined;
}

/** Whether a value is what `absent` made. */
export function isAbsentValue(value: unknown): value is Absent {
  return typeof value === 'object' && value !== null && mark in value;
}

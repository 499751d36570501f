/** The parts of an error, in the order in which its message names them. */
export interface ErrorParts {
  /** Stable, dotted, for programs: `ssh.host-key-changed`. */
  readonly code: string;
  /** The host that it is about, when it is about one. */
  readonly host?: string | undefined;
  /** What it is about: a file with its position, a command, an argument. */
  readonly thing: string;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
  /** What to do next: a command or an action, in the imperative. */
  readonly next?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The one error class: an expected failure, explained to an operator. Everything else that is thrown is a bug.
 *
 * @example
 * throw new VfleetError({ code: 'inventory.range', thing: 'inventory/racks.yaml:8:5 node[40:01]',
 *   expected: 'a range that counts up', found: '40 to 1', next: 'write node[01:40]' });
 */
export class VfleetError extends Error {
  readonly code: string;
  readonly parts: ErrorParts;

  constructor(parts: ErrorParts) {
    super(describe(parts), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'VfleetError';
    this.code = parts.code;
    this.parts = parts;
  }

  /** The same error, said of a host. */
  of(host: string): VfleetError {
    return this.parts.host === undefined ? new VfleetError({ ...this.parts, host }) : this;
  }

  /** The same error, said of a larger thing: `image x: mmdebstrap: …`. */
  about(larger: string): VfleetError {
    return new VfleetError({ ...this.parts, thing: `${larger}: ${this.parts.thing}` });
  }
}

function describe(parts: ErrorParts): string {
  const { host, thing, expected, found, next } = parts;
  const facts = [expected && `expected ${expected}`, found && `found ${found}`].filter(Boolean).join(', ');
  const head = [host, thing].filter(Boolean).join(': ');
  return [facts ? `${head}: ${facts}` : head, next && `next: ${next}`].filter(Boolean).join('; ');
}

/** Any thrown value as the error that it is, or as a bug with its stack kept as the cause. */
export function asVfleetError(thrown: unknown): VfleetError {
  if (thrown instanceof VfleetError) return thrown;
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return new VfleetError({ code: 'bug', thing: `unexpected error: ${text}`, next: 'report it', cause: thrown });
}

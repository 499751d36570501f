import { asVfleetError } from '../errors.ts';
import type { Failure } from '../events/event.ts';

/** Whatever was thrown in a host's run, as plain data for events. */
export function failureOf(thrown: unknown, host: string): Failure {
  const error = asVfleetError(thrown).of(host);
  const { cause: _, ...parts } = error.parts;
  return { ...parts, message: error.message };
}

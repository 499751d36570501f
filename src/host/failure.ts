import { asVfleetError } from '../errors.ts';
import type { Failure } from '../events/event.ts';

/** Whatever was thrown in a host's run, as plain data for events. */
export function failureOf(thrown: unknown, host: string): Failure {
  const error = asVfleetError(thrown).of(host);
  const { cause: _, ...parts } = error.parts;
  return { ...parts, message: error.message };
}

/** The failure of a command that shares steps with `apply`: what goes on with it is that command. */
export function inWordsOf(command: string | undefined, failure: Failure): Failure {
  if (command === undefined) return failure;
  const reworded = (text: string): string => text.replaceAll('`vfleet apply`', `\`vfleet ${command}\``);
  const { next, message } = failure;
  return { ...failure, message: reworded(message), ...(next !== undefined && { next: reworded(next) }) };
}

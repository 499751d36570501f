import { escapeLine } from '../report/escape.ts';
import type { Environment } from './environment.ts';

/** Results: to standard output. */
export function write(text: string): void {
  process.stdout.write(text);
}

/** What is said beside the result: to standard error, so that a pipe gets only the result. */
export function say(text: string): void {
  process.stderr.write(text);
}

/** Something that is not wrong, but probably not meant. */
export function warn(text: string): void {
  say(`warning: ${escapeLine(text)}\n`);
}

/** Whether a stream gets colours: the option decides, then the environment, then whether it is a terminal. */
export function hasColour(
  { color }: { readonly color?: boolean | undefined },
  { colour }: Pick<Environment, 'colour'>,
  stream: { readonly isTTY?: boolean | undefined },
): boolean {
  return color ?? colour ?? stream.isTTY === true;
}

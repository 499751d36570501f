import { quote } from './quote.ts';

const values = new WeakMap<Secret, string>();

/** A value that is used but never shown; its text is reachable only through the `sh` template. */
export interface Secret {
  readonly kind: 'secret';
}

/**
 * Marks a value as secret: in a script it is quoted like any other, and masked wherever the script is shown.
 *
 * @example
 * sh`printf %s ${secret(token)} >/run/token`
 */
export function secret(value: string): Secret {
  const made: Secret = Object.freeze({ kind: 'secret', toString: () => hidden, toJSON: () => hidden });
  values.set(made, value);
  return made;
}

/** What a secret holds; `undefined` for anything that `secret` has not made. For the template. */
export function valueOfSecret(candidate: object): string | undefined {
  return values.get(candidate as Secret);
}

const hidden = '***';

/** A shorter line of a secret is too likely to be an ordinary word, as `}` or `yes`. */
const shortestLine = 8;

/** A text with every secret in it masked, quoted or not; of one with several lines, also each longer line. */
export function mask(text: string, secrets: readonly string[]): string {
  const shapes = secrets.filter((value) => value !== '').flatMap(shapesOf);
  // The longest first: a secret can hold another one.
  shapes.sort((left, right) => right.length - left.length);
  return shapes.reduce((shown, shape) => shown.replaceAll(shape, hidden), text);
}

function shapesOf(value: string): readonly string[] {
  const quoted = quote(value).slice(1, -1);
  const lines = value.split('\n').filter((line) => line.length >= shortestLine);
  return [...new Set([value, quoted, ...lines])];
}

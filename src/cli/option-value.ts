import { type RolloutKey, type RolloutWish, readRolloutKey, rolloutExpected } from '../rollout/wish.ts';
import { UsageError } from './usage-error.ts';

/** For `coerce`: the one text given to an option. */
export function one(option: string, next?: string): (given: unknown) => string {
  return (given) => {
    if (Array.isArray(given)) throw new UsageError(`--${option}: given more than once${next ? `; ${next}` : ''}`);
    if (given === '') throw new UsageError(`--${option}: a value is missing`);
    return text(option, given);
  };
}

/** For `coerce`: an option that may be given many times. */
export function several(option: string): (given: unknown) => readonly string[] {
  return (given) => (Array.isArray(given) ? given : [given]).map((each) => text(option, each));
}

/** For `coerce`: a key of a rollout, given once. */
export function wished<K extends RolloutKey>(
  option: string,
  key: K,
  read: (given: string) => unknown = amountOf,
): (given: unknown) => RolloutWish[K] {
  return (given) => {
    const value = one(option)(given);
    const wish = readRolloutKey(key, read(value));
    if (wish === null)
      throw new UsageError(`--${option}: expected ${rolloutExpected[key]}, found ${JSON.stringify(value)}`);
    return wish;
  };
}

/** A number, or a share as text. */
export function amountOf(given: string): unknown {
  return /^\d+$/.test(given) ? Number(given) : given;
}

/** A word as it was given. */
export function asIs(given: string): string {
  return given;
}

/** `--no-limit` gives false. */
function text(option: string, given: unknown): string {
  if (typeof given !== 'string') throw new UsageError(`--no-${option}: there is no such option`);
  return given;
}

/** For `coerce`: the one number given to an option, finite, and as it is expected. */
export function number(option: string, expected: string, isIt: (given: number) => boolean): (given: unknown) => number {
  return (given) => {
    if (Array.isArray(given)) throw new UsageError(`--${option}: given more than once`);
    if (typeof given === 'number' && Number.isFinite(given) && isIt(given)) return given;
    throw new UsageError(`--${option}: expected ${expected}`);
  };
}

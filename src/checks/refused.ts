import { VfleetError } from '../errors.ts';
import type { Judgement } from './verdict.ts';

/** A judgement in which what is refused fails, and what was not read is unknown. */
export function refused(judge: () => Judgement): Judgement {
  try {
    return judge();
  } catch (thrown) {
    if (!(thrown instanceof VfleetError)) throw thrown;
    const { thing, expected, found, next } = thrown.parts;
    const outcome = thrown.code.endsWith('.unknown') ? 'unknown' : 'fail';
    return { outcome, found: `${thing}: expected ${expected}, found ${found}.`, remedy: next };
  }
}

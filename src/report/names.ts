import { foldNames } from '../names.ts';
import { escapeLine } from './escape.ts';

/** Names as one text, folded and escaped for the terminal. `limit`: at most so many blocks, then `…`. */
export function nameList(names: readonly string[], limit = Number.POSITIVE_INFINITY): string {
  const folded = foldNames(names).map(escapeLine);
  if (folded.length <= limit) return folded.join(', ');
  return [...folded.slice(0, limit), '…'].join(', ');
}

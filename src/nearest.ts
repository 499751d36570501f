/**
 * How many single typing errors (a character inserted, left out, replaced, or two neighbours swapped) lie between two
 * words: the optimal string alignment form of the Damerau-Levenshtein distance.
 */
export function typingDistance(one: string, other: string): number {
  const a = [...one];
  const b = [...other];
  let before: number[] = [];
  let last = b.map((_, j) => j).concat(b.length);
  for (const [i, left] of a.entries()) {
    const row = [i + 1];
    for (const [j, right] of b.entries()) {
      const replaced = at(last, j) + (left === right ? 0 : 1);
      let best = Math.min(at(last, j + 1) + 1, at(row, j) + 1, replaced);
      if (i > 0 && j > 0 && left === b[j - 1] && a[i - 1] === right) best = Math.min(best, at(before, j - 1) + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}

/** The candidate that was probably meant: the same letters in another spelling, or at most two typing errors away. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  // One error in four letters is a typing error; two in three letters is another word.
  const limit = Math.min(2, Math.max(1, Math.floor(word.length / 3)));
  let found: string | null = null;
  let least = limit + 1;
  for (const candidate of candidates) {
    if (candidate === word) continue;
    if (letters(candidate) === letters(word)) return candidate;
    if (digitsAside(candidate) === digitsAside(word)) {
      // Another number is another host, not a typing error; another width of the same number is one.
      if (widthAside(candidate) === widthAside(word)) return candidate;
      continue;
    }
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const distance = typingDistance(word, candidate);
    if (distance < least) [found, least] = [candidate, distance];
  }
  return found;
}

/** A word without case, `_` and `-`: `allow_unsafe` and `allowUnsafe` are the same letters. */
export function letters(word: string): string {
  return word.toLowerCase().replaceAll(/[_-]/g, '');
}

function digitsAside(word: string): string {
  return word.replaceAll(/[0-9]+/g, '#');
}

function widthAside(word: string): string {
  return word.replaceAll(/0+(?=[0-9])/g, '');
}

/** `, did you mean "hosts"?`, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates);
  return meant === null ? '' : `, did you mean "${meant}"?`;
}

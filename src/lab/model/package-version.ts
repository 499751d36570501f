/**
 * Compares two names with a version in them, `NAME-VERSION-RELEASE`, as GRUB's `blscfg` sorts boot entries: name, then
 * version, then release. Positive: `a` is newer. Source: `split_cmp()`, `vercmp()` of grub-core/commands/blscfg.c in
 * rhboot/grub2, which follow rpm.
 */
export function comparePackages(a: string, b: string): number {
  const [nameA, versionA, releaseA] = split(a);
  const [nameB, versionB, releaseB] = split(b);
  return compare(nameA, nameB) || compare(versionA, versionB) || compare(releaseA, releaseB);
}

/** At the last two hyphens. With one hyphen there is no release, with none only a name. */
function split(text: string): readonly [name: string, version: string, release: string] {
  const [, name = text, version = '', release = ''] =
    /^(.*)-([^-]*)-([^-]*)$/s.exec(text) ?? /^(.*)-([^-]*)$/s.exec(text) ?? [];
  return [name, version, release];
}

/** Pieces that count: numbers, words, and the two marks that have a meaning. What stands between them only separates. */
const pieces = (text: string): readonly string[] => text.match(/\d+|[A-Za-z]+|[~+]/g) ?? [];

function compare(a: string, b: string): number {
  const left = pieces(a);
  const right = pieces(b);
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const found = comparePieces(left[at], right[at]);
    if (found !== 0) return found;
  }
  return 0;
}

function comparePieces(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  // A tilde is older than anything, the end among it; a plus is newer than the end, and older than all else.
  if (a === '~' || b === '~') return a === '~' ? -1 : 1;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  if (a === '+' || b === '+') return a === '+' ? -1 : 1;
  const isNumber = /^\d/.test(a);
  if (isNumber !== /^\d/.test(b)) return isNumber ? 1 : -1;
  if (!isNumber) return a < b ? -1 : 1;
  const [x, y] = [BigInt(a), BigInt(b)];
  return x === y ? 0 : x < y ? -1 : 1;
}

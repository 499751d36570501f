/** Marks that order versions, the one that counts most first; `~` is older than the end itself, the others newer. */
const marks = ['~', '', '-', '^', '.'] as const;

/**
 * Orders versions as systemd-boot does, older first: `strverscmp_improved` in src/fundamental/string-util-fundamental.c of
 * systemd, the Version Format Specification of uapi-group.org.
 */
export function compareVersions(a: string, b: string): number {
  const left = partsOf(a);
  const right = partsOf(b);
  for (let i = 0; ; i += 1) {
    const [one = '', other = ''] = [left[i], right[i]];
    const order = compareParts(one, other);
    if (order !== 0 || (one === '' && other === '')) return order;
  }
}

/** Numbers, words and marks; whatever else stands between them only separates. */
function partsOf(version: string): readonly string[] {
  return version.match(/\d+|[A-Za-z]+|[~\-^.]/g) ?? [];
}

function compareParts(one: string, other: string): number {
  for (const mark of marks) {
    if ((one === mark) !== (other === mark)) return one === mark ? -1 : 1;
    if (one === mark) return 0;
  }
  const numbers = [/^\d/.test(one), /^\d/.test(other)];
  if (numbers[0] !== numbers[1]) return numbers[0] ? 1 : -1;
  if (numbers[0]) {
    const [x, y] = [BigInt(one), BigInt(other)];
    return x < y ? -1 : x > y ? 1 : 0;
  }
  return one < other ? -1 : one > other ? 1 : 0;
}

/**
 * Compares versions as systemd-boot does (`strverscmp_improved()` of src/fundamental/string-util-fundamental.c of systemd
 * 252; "Version Format Specification" of uapi-group.org): negative when `a` is older.
 */
export function compareVersions(a: string, b: string): number {
  let left = a;
  let right = b;
  for (;;) {
    left = left.replace(/^[^A-Za-z0-9~\-^.]+/, '');
    right = right.replace(/^[^A-Za-z0-9~\-^.]+/, '');
    // A tilde goes before the end itself: 1~rc1 is older than 1.
    if (left[0] === '~' || right[0] === '~') {
      const order = flag(left[0] !== '~') - flag(right[0] !== '~');
      if (order !== 0) return order;
      [left, right] = [left.slice(1), right.slice(1)];
      continue;
    }
    if (left === '' || right === '') return flag(left !== '') - flag(right !== '');
    const mark = ['-', '^', '.'].find((item) => left[0] === item || right[0] === item);
    if (mark !== undefined) {
      const order = flag(left[0] !== mark) - flag(right[0] !== mark);
      if (order !== 0) return order;
      [left, right] = [left.slice(1), right.slice(1)];
      continue;
    }
    const pattern = /^\d/.test(left) || /^\d/.test(right) ? /^\d*/ : /^[A-Za-z]*/;
    const [one, other] = [pattern.exec(left)?.[0] ?? '', pattern.exec(right)?.[0] ?? ''];
    const order = compareParts(one, other, pattern.source.includes('d'));
    if (order !== 0) return order;
    [left, right] = [left.slice(one.length), right.slice(other.length)];
  }
}

function compareParts(a: string, b: string, digits: boolean): number {
  if ((a === '') !== (b === '')) return flag(a !== '') - flag(b !== '');
  const [one, other] = digits ? [a.replace(/^0+/, ''), b.replace(/^0+/, '')] : [a, b];
  if (digits && one.length !== other.length) return one.length - other.length;
  return one < other ? -1 : flag(one > other);
}

function flag(condition: boolean): number {
  return condition ? 1 : 0;
}

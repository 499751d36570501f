/**
 * Names for people, consecutive ones as one: `node01 … node40` is `node[01-40]`. Keeps the order of the names; expanding
 * the result gives exactly the names again. A name is folded by its last number only.
 */
export function foldNames(names: readonly string[]): readonly string[] {
  const folded: string[] = [];
  let run: Run | null = null;
  for (const name of names) {
    const numbered = split(name);
    if (run !== null && numbered !== null && follows(run, numbered)) {
      run.last = numbered.digits;
      continue;
    }
    if (run !== null) folded.push(written(run));
    run = numbered === null ? null : { ...numbered, last: numbered.digits };
    if (numbered === null) folded.push(name);
  }
  if (run !== null) folded.push(written(run));
  return folded;
}

interface Numbered {
  readonly head: string;
  readonly digits: string;
  readonly tail: string;
}

interface Run extends Numbered {
  last: string;
}

function split(name: string): Numbered | null {
  // Fifteen digits are exact in a double; a longer number is folded by none.
  const match = /^(?<head>.*?)(?<digits>[0-9]{1,15})(?<tail>[^0-9]*)$/.exec(name);
  const { head, digits, tail } = match?.groups ?? {};
  if (head === undefined || digits === undefined || tail === undefined || /[0-9]$/.test(head)) return null;
  return { head, digits, tail };
}

function follows(run: Run, next: Numbered): boolean {
  if (run.head !== next.head || run.tail !== next.tail) return false;
  const wanted = String(Number(run.last) + 1).padStart(run.digits.length, '0');
  // Only a first number with a leading zero sets a width, so `9` and `10` may follow each other, `09` and `010` not.
  const padded = run.digits.length > 1 && run.digits.startsWith('0');
  return next.digits === wanted && (!padded || next.digits.length === run.digits.length);
}

function written(run: Run): string {
  const { head, digits, last, tail } = run;
  return digits === last ? `${head}${digits}${tail}` : `${head}[${digits}-${last}]${tail}`;
}

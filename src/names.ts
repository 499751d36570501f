/** Names that differ in numbers only: text and the numbers' digits in turn, text first. */
interface Block {
  readonly texts: readonly string[];
  /** For each number, the digits that it stands for. */
  readonly numbers: readonly (readonly string[])[];
}

/**
 * Names for people, whatever their order: `node[01-06,09]`, `r[1-4]-n[01-12]`. Expanding the result gives exactly the
 * names again. Blocks come in the order of their first names.
 */
export function foldNames(names: readonly string[]): readonly string[] {
  const blocks = new Map<string, Block[]>();
  for (const name of new Set(names)) {
    const block = split(name);
    const key = JSON.stringify(block.texts);
    blocks.set(key, [...(blocks.get(key) ?? []), block]);
  }
  return [...blocks.values()].flatMap((alike) => merge(alike)).map(written);
}

function split(name: string): Block {
  const texts: string[] = [];
  const numbers: string[][] = [];
  // A longer number is not exact as a double; it stays text.
  for (const [index, part] of name.split(/(?<![0-9])([0-9]{1,15})(?![0-9])/).entries()) {
    if (index % 2 === 0) texts.push(part);
    else numbers.push([part]);
  }
  return { texts, numbers };
}

// From the last number to the first: blocks that are equal but for that number become one.
function merge(blocks: readonly Block[]): readonly Block[] {
  let merged = blocks;
  for (let at = (blocks[0]?.numbers.length ?? 0) - 1; at >= 0; at -= 1) {
    const alike = new Map<string, Block>();
    for (const block of merged) {
      const key = JSON.stringify(block.numbers.with(at, []));
      const known = alike.get(key)?.numbers[at] ?? [];
      const digits = [...known, ...(block.numbers[at] ?? [])];
      alike.set(key, { texts: block.texts, numbers: block.numbers.with(at, digits) });
    }
    merged = [...alike.values()];
  }
  return merged;
}

function written({ texts, numbers }: Block): string {
  return texts.map((text, index) => text + range(numbers[index] ?? [])).join('');
}

function range(digits: readonly string[]): string {
  const [only, ...others] = digits;
  if (only === undefined) return '';
  if (others.length === 0) return only;
  const runs: { readonly first: string; readonly last: string }[] = [];
  for (const next of digits.toSorted(byPaddingThenValue(digits))) {
    const run = runs.at(-1);
    if (run !== undefined && next === String(Number(run.last) + 1).padStart(run.first.length, '0')) {
      runs[runs.length - 1] = { first: run.first, last: next };
    } else runs.push({ first: next, last: next });
  }
  return `[${runs.map(({ first, last }) => (first === last ? first : `${first}-${last}`)).join(',')}]`;
}

// 8, 9, 10 count up without padding; 08, 09, 10 with it. 10 belongs to those of its width, where there are such.
function byPaddingThenValue(digits: readonly string[]): (one: string, other: string) => number {
  const padded = new Set(digits.filter((text) => text.length > 1 && text.startsWith('0')).map((text) => text.length));
  const padding = (text: string): number => (padded.has(text.length) ? text.length : 0);
  return (one, other) => padding(one) - padding(other) || Number(one) - Number(other);
}

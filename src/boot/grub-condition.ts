/** A condition that rests on what only the machine's GRUB knows has no value: `null`. */
export type Truth = boolean | null;

/** A word after expansion; `null` where a variable in it is not known. */
export type Value = string | null;

/**
 * Evaluates `[ … ]` or `test …` (GRUB manual, "test"): strings, numbers, `-a`, `-o`, `!`; `file` answers for the file tests.
 */
export function evaluateTest(words: readonly Value[], file: (flag: string, path: string) => Truth): Truth {
  const inner = words[0] === '[' ? words.slice(1, words.at(-1) === ']' ? -1 : undefined) : words.slice(1);
  return split(inner, '-o').reduce<Truth>(
    (sum, side) =>
      or(
        sum,
        split(side, '-a').reduce<Truth>((all, term) => and(all, primary(term, file)), true),
      ),
    false,
  );
}

function split(words: readonly Value[], operator: string): readonly (readonly Value[])[] {
  const sides: Value[][] = [[]];
  for (const word of words) {
    if (word === operator) sides.push([]);
    else sides.at(-1)?.push(word);
  }
  return sides;
}

function primary(words: readonly Value[], file: (flag: string, path: string) => Truth): Truth {
  const [a = '', b = '', c = ''] = words;
  if (a === '!' && words.length > 1) return not(primary(words.slice(1), file));
  if (words.length === 0) return false;
  if (words.length === 1) return a === null ? null : a !== '';
  if (words.length === 2) return unary(a, b, file);
  return words.length === 3 ? binary(a, b, c) : null;
}

function unary(flag: Value, word: Value, file: (flag: string, path: string) => Truth): Truth {
  if (flag === null || word === null) return null;
  if (flag === '-n') return word !== '';
  if (flag === '-z') return word === '';
  return ['-d', '-e', '-f', '-s'].includes(flag) ? file(flag, word) : null;
}

function binary(left: Value, operator: Value, right: Value): Truth {
  if (left === null || right === null || operator === null) return null;
  if (operator === '=' || operator === '==') return left === right;
  if (operator === '!=') return left !== right;
  const [a, b] = [Number.parseInt(left, 10), Number.parseInt(right, 10)];
  if (Number.isNaN(a) || Number.isNaN(b)) return null;
  const orders: Readonly<Record<string, boolean>> = {
    '-eq': a === b,
    '-ne': a !== b,
    '-lt': a < b,
    '-le': a <= b,
    '-gt': a > b,
    '-ge': a >= b,
  };
  return orders[operator] ?? null;
}

function and(a: Truth, b: Truth): Truth {
  if (a === false || b === false) return false;
  return a === null || b === null ? null : true;
}

function or(a: Truth, b: Truth): Truth {
  if (a === true || b === true) return true;
  return a === null || b === null ? null : false;
}

function not(a: Truth): Truth {
  return a === null ? null : !a;
}

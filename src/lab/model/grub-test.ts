/** Whether a path leads to a file that is there, as `test` asks. */
export interface FileTests {
  exists(path: string): boolean;
  isFile(path: string): boolean;
  isFolder(path: string): boolean;
  isFilled(path: string): boolean;
}

/**
 * Evaluates the words of `[ … ]`. What is not understood is false, as a command that fails would be.
 * Source: grub-core/commands/test.c.
 */
export function evaluateTest(words: readonly string[], files: FileTests): boolean {
  let at = 0;
  const disjunction = (): boolean => {
    let value = conjunction();
    while (words[at] === '-o') {
      at += 1;
      value = conjunction() || value;
    }
    return value;
  };
  const conjunction = (): boolean => {
    let value = negation();
    while (at < words.length && words[at] !== '-o' && words[at] !== ')') {
      if (words[at] === '-a') at += 1;
      value = negation() && value;
    }
    return value;
  };
  const negation = (): boolean => {
    if (words[at] !== '!') return primary();
    at += 1;
    return !negation();
  };
  const primary = (): boolean => {
    const first = words[at] ?? '';
    if (first === '(') {
      at += 1;
      const value = disjunction();
      at += 1;
      return value;
    }
    const operator = words[at + 1];
    const second = words[at + 2];
    if (operator !== undefined && second !== undefined && operator in binary) {
      at += 3;
      return binary[operator]?.(first, second) ?? false;
    }
    const unary = unaryTests(files)[first];
    if (unary !== undefined && operator !== undefined) {
      at += 2;
      return unary(operator);
    }
    at += 1;
    return first !== '';
  };
  return words.length > 0 && disjunction();
}

const number = (text: string): number => Number.parseInt(text, 10) || 0;

const binary: Readonly<Record<string, (a: string, b: string) => boolean>> = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '-eq': (a, b) => number(a) === number(b),
  '-ne': (a, b) => number(a) !== number(b),
  '-lt': (a, b) => number(a) < number(b),
  '-le': (a, b) => number(a) <= number(b),
  '-gt': (a, b) => number(a) > number(b),
  '-ge': (a, b) => number(a) >= number(b),
};

function unaryTests(files: FileTests): Readonly<Record<string, (text: string) => boolean>> {
  return {
    '-n': (text) => text !== '',
    '-z': (text) => text === '',
    '-e': (path) => files.exists(path),
    '-f': (path) => files.isFile(path),
    '-d': (path) => files.isFolder(path),
    '-s': (path) => files.isFilled(path),
  };
}

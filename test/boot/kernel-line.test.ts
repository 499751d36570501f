import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../src/boot/arguments.ts';
import { kernelLine } from '../../src/boot/kernel-line.ts';
import { openingAtEnd } from '../../src/boot/word-rules.ts';

const line = fc
  .array(fc.constantFrom('a', '=', '"', ' ', '\t', '\n', '\xa0', '\xe9', '-', '_', '\\', "'", '$x', 'a=b'), {
    maxLength: 14,
  })
  .map((parts) => parts.join(''));

/** What the kernel takes for white space: lib/ctype.c. */
function isSpace(character: string | undefined): boolean {
  return character !== undefined && [9, 10, 11, 12, 13, 32, 160].includes(character.charCodeAt(0));
}

/** The arguments as `next_arg()` of lib/cmdline.c (6.12) finds them, step by step. */
function byKernel(text: string): readonly (readonly [string, string | null])[] {
  const found: (readonly [string, string | null])[] = [];
  const bytes = [...text];
  let at = 0;
  while (isSpace(bytes[at])) at++;
  while (at < bytes.length) {
    const quoted = bytes[at] === '"';
    if (quoted) at++;
    let inQuote = quoted;
    let equals = 0;
    let i = 0;
    for (; at + i < bytes.length; i++) {
      if (isSpace(bytes[at + i]) && !inQuote) break;
      if (equals === 0 && bytes[at + i] === '=') equals = i;
      if (bytes[at + i] === '"') inQuote = !inQuote;
    }
    let end = i;
    let from = equals + 1;
    if (equals > 0 && bytes[at + from] === '"') {
      from++;
      if (bytes[at + i - 1] === '"') end = i - 1;
    }
    if (quoted && i > 0 && end === i && bytes[at + i - 1] === '"') end = i - 1;
    const name = bytes.slice(at, at + (equals > 0 ? equals : end)).join('');
    found.push([name, equals > 0 ? bytes.slice(at + from, at + Math.max(from, end)).join('') : null]);
    at += i;
    while (isSpace(bytes[at])) at++;
  }
  return found;
}

it('reads a command line as the kernel does', () => {
  fc.assert(
    fc.property(line, (text) => {
      expect(parseArguments(text).map(({ name, value }) => [name, value])).toEqual(byKernel(text));
    }),
    { numRuns: 5000 },
  );
});

describe.each(['kernel', 'grub'] as const)('a line by the rules of %s', (rules) => {
  const syntax = kernelLine(rules, false);

  it('is its arguments and the blanks between them', () => {
    fc.assert(
      fc.property(line, (text) => {
        let at = 0;
        for (const { text: token, from, to } of syntax.tokens(text)) {
          expect([...text.slice(at, from)].every(isSpace)).toBe(true);
          expect(text.slice(from, to + 1)).toBe(token);
          at = to + 1;
        }
        expect([...text.slice(at)].every(isSpace)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('is as before when what was added is taken away', () => {
    fc.assert(
      fc.property(line, fc.constantFrom('iommu=pt', 'a=b=c', 'dyndbg="file x +p"'), (text, argument) => {
        fc.pre(openingAtEnd(text, rules) === null);
        const longer = syntax.extended(text, [argument]);
        const added = syntax.tokens(longer).at(-1);
        expect(added?.argument).toBe(argument);
        expect(added && syntax.without(longer, added)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps every other argument when one is taken away or replaced', () => {
    fc.assert(
      fc.property(line, fc.nat(9), (text, pick) => {
        const tokens = syntax.tokens(text);
        const target = tokens[pick % Math.max(1, tokens.length)];
        fc.pre(target !== undefined && openingAtEnd(text, rules) === null);
        const texts = (value: string): readonly string[] => syntax.tokens(value).map((token) => token.text);
        const others = tokens.filter((token) => token !== target).map((token) => token.text);
        expect(texts(syntax.without(text, target))).toEqual(others);
        const replaced = tokens.map((token) => (token === target ? 'x=y' : token.text));
        expect(texts(syntax.replaced(text, target, 'x=y'))).toEqual(replaced);
      }),
      { numRuns: 2000 },
    );
  });
});

it('knows that GRUB reads single quotes and backslashes, and the kernel does not', () => {
  const read = (rules: 'kernel' | 'grub', text: string): readonly string[] =>
    kernelLine(rules, true)
      .tokens(text)
      .map((token) => `${token.opaque ? '?' : ''}${token.argument}`);
  expect(read('kernel', "a='b c' d\\ e")).toEqual(["a='b", "c'", 'd\\', 'e']);
  expect(read('grub', "a='b c' d\\ e memmap=4G\\$1G $kernelopts ${x}")).toEqual([
    ...['"a=b c"', '"d e"', 'memmap=4G$1G', '?$kernelopts', '?${x}'],
  ]);
});

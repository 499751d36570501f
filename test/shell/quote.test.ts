import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote } from '../../src/shell/quote.ts';
import { runSh, shells } from './run-sh.ts';

/** Text that a command argument can hold, with what shells treat specially much more often than by chance. */
const text = fc.string({
  unit: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...'\'"`$\\!#&;|<>(){}[]*?~=%^ \t\n\r-') },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }) },
  ),
  maxLength: 40,
});

const value = text.filter((candidate) => !candidate.includes('\0') && !/\p{Surrogate}/u.test(candidate));

describe('quote', () => {
  for (const shell of shells) {
    it(`is taken back unchanged by ${shell.join(' ')}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 200 }), async (values) => {
          const { stdout, stderr } = await runSh(`printf '%s\\0' ${values.map(quote).join(' ')}`, shell);
          expect(stderr).toBe('');
          expect(stdout.toString('utf8').split('\0').slice(0, -1)).toEqual(values);
        }),
        { numRuns: 15 },
      );
    });
  }

  it('quotes the empty value', () => {
    expect(quote('')).toBe("''");
  });

  it.each([
    ['a\0b', /NUL/],
    ['a\ud800b', /surrogate/],
  ])('refuses %j and does not show it', (bad, message) => {
    expect(() => quote(bad)).toThrow(message);
    expect(() => quote(`secret${bad}`)).not.toThrow(/secret/);
  });
});

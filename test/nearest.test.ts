import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean, nearest, typingDistance } from '../src/nearest.ts';

describe('typingDistance', () => {
  it.each([
    ['hosts', 'hosts', 0],
    ['hsots', 'hosts', 1],
    ['host', 'hosts', 1],
    ['hoosts', 'hosts', 1],
    ['hosta', 'hosts', 1],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
  ])('%s to %s is %i', (a, b, expected) => {
    expect(typingDistance(a, b)).toBe(expected);
  });

  it('is symmetric, and 0 only for the same word', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(typingDistance(a, b)).toBe(typingDistance(b, a));
        expect(typingDistance(a, b) === 0).toBe(a === b);
      }),
    );
  });
});

describe('nearest', () => {
  it('finds what was probably meant, and nothing far away', () => {
    expect(nearest('hsots', ['children', 'hosts'])).toBe('hosts');
    expect(nearest('key_file', ['port', 'keyFile'])).toBe('keyFile');
    expect(nearest('banana', ['hosts', 'children'])).toBeNull();
    expect(nearest('r1', ['a2'])).toBeNull();
    expect(nearest('node1', ['node02', 'node01'])).toBe('node01');
    expect(nearest('node99', ['node01', 'node98'])).toBeNull();
    expect(didYouMean('chidlren', ['children'])).toBe(', did you mean "children"?');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldNames } from '../../src/inventory/fold.ts';
import { expandRange } from '../../src/inventory/range.ts';

describe('foldNames', () => {
  it.each([
    [[], []],
    [['a'], ['a']],
    [
      ['node01', 'node02', 'node03', 'node05'],
      ['node[01-03]', 'node05'],
    ],
    [['node8', 'node9', 'node10'], ['node[8-10]']],
    [['node08', 'node09', 'node10'], ['node[08-10]']],
    [
      ['node09', 'node010'],
      ['node09', 'node010'],
    ],
    [
      ['n1.a', 'n2.a', 'n3.b'],
      ['n[1-2].a', 'n3.b'],
    ],
    [
      ['r1n1', 'r1n2', 'r2n1', 'r2n2'],
      ['r1n[1-2]', 'r2n[1-2]'],
    ],
    [
      ['n2', 'n1'],
      ['n2', 'n1'],
    ],
    [
      ['lonely', 'node1', 'node2'],
      ['lonely', 'node[1-2]'],
    ],
  ])('%j', (names, expected) => {
    expect(foldNames(names)).toEqual(expected);
  });

  it('loses no name and no order: expanding gives the names again', () => {
    const name = fc
      .tuple(
        fc.constantFrom('n', 'node', 'r1-n', ''),
        fc.integer({ min: 0, max: 120 }),
        fc.constantFrom(0, 2, 3),
        fc.constantFrom('', '.a'),
      )
      .map(([head, number, width, tail]) => `${head}${String(number).padStart(width, '0')}${tail}`);
    fc.assert(
      fc.property(fc.array(name, { maxLength: 60 }), fc.boolean(), (some, sorted) => {
        const names = sorted ? some.toSorted() : some;
        const again = foldNames(names).flatMap((text) => {
          const expansion = expandRange(text.replace(/\[(\d+)-(\d+)\]/, '[$1:$2]'));
          return expansion.ok ? expansion.names : ['?'];
        });
        expect(again).toEqual(names);
      }),
    );
  });
});

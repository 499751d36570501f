import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldNames } from '../../src/names.ts';
import { nameList } from '../../src/report/names.ts';

describe('foldNames', () => {
  it.each([
    [['node01', 'node02', 'node03'], 'node[01-03]'],
    [['node03', 'node01', 'node02', 'node09'], 'node[01-03,09]'],
    [['node8', 'node9', 'node10', 'node11'], 'node[8-11]'],
    [['node08', 'node09', 'node10', 'node11'], 'node[08-11]'],
    [['node98', 'node99', 'node100'], 'node[98-100]'],
    [['node1', 'node01', 'node2', 'node02'], 'node[1-2,01-02]'],
    [['node07'], 'node07'],
    [['gateway', 'node1', 'node2'], 'gateway, node[1-2]'],
    [['r1-n1', 'r1-n2', 'r2-n1', 'r2-n2'], 'r[1-2]-n[1-2]'],
    [['r1-n1', 'r1-n2', 'r2-n1'], 'r1-n[1-2], r2-n1'],
    [['n1.dc2.example', 'n2.dc2.example'], 'n[1-2].dc2.example'],
    [['10.0.0.8', '10.0.0.9', '10.0.0.10'], '10.0.0.[8-10]'],
    [['id99999999999999999998', 'id99999999999999999999'], 'id99999999999999999998, id99999999999999999999'],
    [['a', 'a'], 'a'],
    [[], ''],
  ])('%j is %s', (names, expected) => {
    expect(nameList(names)).toBe(expected);
  });

  it('expands to exactly the names that went in', () => {
    const part = fc.stringMatching(/^[a-z.-]{0,2}$/);
    const digits = fc.stringMatching(/^[0-9]{1,3}$/);
    const name = fc.tuple(part, digits, part, digits).map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            name,
            digits.map((text) => `n${text}`),
          ),
          { maxLength: 60 },
        ),
        (names) => {
          const expanded = foldNames(names).flatMap(expand);
          expect(expanded.toSorted()).toEqual([...new Set(names)].toSorted());
        },
      ),
      { numRuns: 500 },
    );
  });

  it('folds two thousand hosts of forty racks into one', () => {
    const racks = Array.from({ length: 40 }, (_, rack) => String(rack + 1).padStart(2, '0'));
    const names = racks.flatMap((rack) => Array.from({ length: 50 }, (_, node) => `r${rack}-n${node + 1}`));
    expect(foldNames(names)).toEqual(['r[01-40]-n[1-50]']);
  });

  it('cuts a long list where it is told to, and shows that it did', () => {
    expect(nameList(['a', 'b', 'c', 'd'], 2)).toBe('a, b, …');
    expect(nameList(['a', 'b'], 2)).toBe('a, b');
  });

  it('escapes names', () => {
    expect(nameList(['a\x1b[2J1', 'a\x1b[2J2'])).toBe('a\\x1b[2J[1-2]');
  });
});

function expand(folded: string): readonly string[] {
  const [, head, list, tail] = /^([^[]*)\[([^\]]*)\](.*)$/.exec(folded) ?? [];
  if (head === undefined || list === undefined || tail === undefined) return [folded];
  const values = list.split(',').flatMap((run) => {
    const [first = '', last = first] = run.split('-');
    const length = Number(last) - Number(first) + 1;
    return Array.from({ length }, (_, index) => String(Number(first) + index).padStart(first.length, '0'));
  });
  return values.flatMap((value) => expand(tail).map((rest) => head + value + rest));
}

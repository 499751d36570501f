import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandRange } from '../../src/inventory/range.ts';

function names(pattern: string): readonly string[] {
  const expansion = expandRange(pattern);
  if (!expansion.ok) throw new Error(`${pattern}: ${expansion.expected}`);
  return expansion.names;
}

describe('expandRange', () => {
  it.each([
    ['node01', ['node01']],
    ['node[01:03]', ['node01', 'node02', 'node03']],
    ['node[1:3].example.com', ['node1.example.com', 'node2.example.com', 'node3.example.com']],
    ['node[8:11]', ['node8', 'node9', 'node10', 'node11']],
    ['db-[a:c]', ['db-a', 'db-b', 'db-c']],
    ['db-[y:B]', ['db-y', 'db-z', 'db-A', 'db-B']],
    ['n[0:10:5]', ['n0', 'n5', 'n10']],
    ['n[00:10:4]', ['n00', 'n04', 'n08']],
    ['n[a:f:2]', ['na', 'nc', 'ne']],
    ['n[:2]', ['n0', 'n1', 'n2']],
    ['r[1:2]n[01:02]', ['r1n01', 'r1n02', 'r2n01', 'r2n02']],
    ['n[5:5]', ['n5']],
    ['n[1:09]', ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8', 'n9']],
  ])('%s', (pattern, expected) => {
    expect(names(pattern)).toEqual(expected);
  });

  it.each([
    ['node[40:01]', 'a range that counts up, as [01:40]'],
    ['node[9:1]', 'a range that counts up, as [1:9]'],
    ['node[c:a]', 'a range that counts up, as [a:c]'],
    ['node[01:100]', 'both ends of the range equally long'],
    ['node[1:]', 'a range with a last value'],
    ['node[1]', 'a range first:last or first:last:step'],
    ['node[1:2:3:4]', 'a range first:last or first:last:step'],
    ['node[1:4:0]', 'a step of 1 or more'],
    ['node[1:4:x]', 'a step of 1 or more'],
    ['node[a:4]', 'two numbers or two letters in a range'],
    ['node[-1:4]', 'two numbers or two letters in a range'],
    ['node[1:4', 'each "[" of a range closed by "]"'],
    ['node1:4]', 'each "[" of a range closed by "]"'],
    ['node[1:200000]', 'at most 100000 hosts'],
    ['node[1:999999999999999]', 'at most 100000 hosts'],
    ['a[1:1000]b[1:1000]', 'at most 100000 hosts'],
  ])('refuses %s', (pattern, expected) => {
    const expansion = expandRange(pattern);
    expect(expansion.ok).toBe(false);
    expect(expansion.ok ? '' : expansion.expected).toMatch(expected);
  });

  it('gives as many names as the ends and the step say, all different, the first and last as written', () => {
    const ends = fc.tuple(fc.nat(5000), fc.nat(5000), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 6 }));
    fc.assert(
      fc.property(ends, ([from, more, step, width]) => {
        const text = (value: number) => String(value).padStart(width, '0');
        const [first, last] = [text(from), text(from + more)];
        fc.pre(!(first.length > 1 && first.startsWith('0')) || first.length === last.length);
        const found = names(`n[${first}:${last}:${step}]`);
        expect(found).toHaveLength(Math.floor(more / step) + 1);
        expect(new Set(found).size).toBe(found.length);
        expect(found[0]).toBe(`n${first}`);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Inventory } from '../../src/inventory/host.ts';
import { globTest, parseLimit } from '../../src/inventory/pattern.ts';
import { select } from '../../src/inventory/select.ts';
import { loadText, namesOf, thrownBy } from './support.ts';

const inventory: Inventory = await loadText(`
all:
  children:
    compute:
      children:
        r12: { rack: r12, hosts: { "node[01:04]": } }
        r13: { rack: r13, hosts: { "node[05:08]": , gpu-a: } }
    rack: { hosts: { node01: , node08: } }
    amd: { hosts: { node02: , node05: } }
    intel: { hosts: { node01: , node03: , node06: , "2001:db8::1": } }
  hosts:
    storage.example.com: { rack: row 7/a }
`);

function chosen(limit: string | readonly string[], files: Readonly<Record<string, string>> = {}): string {
  const read = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
    return text;
  };
  return namesOf(select(inventory, limit, { read })).join(' ');
}

const ALL = chosen('all');

describe('select', () => {
  it.each([
    ['all', ALL],
    ['*', ALL],
    ['node03', 'node03'],
    ['node0[2-3]', 'node02 node03'],
    ['node0?', 'node01 node02 node03 node04 node05 node06 node07 node08'],
    ['r12', 'node01 node02 node03 node04'],
    ['compute:!r13', 'node01 node02 node03 node04'],
    ['rack:r12', 'node01 node02 node03 node04'],
    ['rack:r1?', 'node01 node02 node03 node04 node05 node06 node07 node08 gpu-a'],
    ['rack:r[12:13]', 'node01 node02 node03 node04 node05 node06 node07 node08 gpu-a'],
    ['rack:r12:rack:r13:&amd', 'node02 node05'],
    ['rack:row 7/a', 'storage.example.com'],
    ['rack', 'node01 node08'],
    ['rack,r12', 'node01 node02 node03 node04 node08'],
    ['amd:intel', '2001:db8::1 node01 node02 node03 node05 node06'],
    ['amd,intel', '2001:db8::1 node01 node02 node03 node05 node06'],
    [' amd , node08 ', 'node02 node05 node08'],
    ['r12:&intel', 'node01 node03'],
    ['&intel:r12', 'node01 node03'],
    ['r12:&intel:!node01', 'node03'],
    ['!node01:!rack:r13:!storage*:!2001*', 'node02 node03 node04'],
    ['&amd', 'node02 node05'],
    ['r12:&rack:r12:!rack:r13', 'node01 node02 node03 node04'],
    ['node[02:03]', 'node02 node03'],
    ['node[02-03]', 'node02 node03'],
    ['node[02:06:2]', 'node02 node04 node06'],
    ['node[01:02],gpu-[a:a]', 'node01 node02 gpu-a'],
    ['node0[!1-7]', 'node08'],
    ['~node0[1-3]$', 'node01 node02 node03'],
    ['~(node0[12]|gpu-.{1,3}):&rack:r12', 'node01 node02'],
    ['~gpu', 'gpu-a'],
    ['~am', 'node02 node05'],
    ['~node(?:01|02),node03', 'node01 node02 node03'],
    ['2001:db8::1', '2001:db8::1'],
    ['amd,2001:db8::1,!node02', '2001:db8::1 node05'],
    ['storage.example.com', 'storage.example.com'],
    ['ungrouped', 'storage.example.com'],
    ['node08:node01:node08', 'node01 node08'],
    ['all:,:node01', ALL],
  ])('%s', (limit, expected) => {
    const inOrder = (names: string) => ALL.split(' ').filter((name) => names.split(' ').includes(name));
    expect(chosen(limit)).toBe(inOrder(expected).join(' '));
  });

  it('takes several limits as one', () => {
    expect(chosen(['r12', '!node01', '&intel'])).toBe('node03');
  });

  it('reads limits from files, a retry file among them', () => {
    const files = { 'some.txt': '# first\nnode01\n\nr13:!node0*  # the rest\n', 'site.retry': 'node02\r\nnode03\r\n' };
    expect(chosen('@site.retry', files)).toBe('node02 node03');
    expect(chosen('@some.txt', files)).toBe('gpu-a');
    expect(chosen('r12:!@site.retry', files)).toBe('node01 node04');
    expect(chosen('amd:&@site.retry,node08', files)).toBe('node02');
    expect(chosen('node08,@site.retry', files)).toBe('node02 node03 node08');
  });

  it('never lets a glob mean every host by the name of the group all', () => {
    expect(chosen('a*')).toBe('node02 node05');
  });

  it.each([
    [
      'node99',
      '-l "node99": expected a host or a group that matches "node99", found none; next: see the names with `vfleet inventory`',
    ],
    [
      'nod01',
      '-l "nod01": expected a host or a group that matches "nod01", found none, did you mean "node01"?; next: see the names with `vfleet inventory`',
    ],
    [
      'all:!node99',
      '-l "all:!node99": expected a host or a group that matches "node99", found none; next: see the names with `vfleet inventory`',
    ],
    ['all:&nothing*', /expected a host or a group that matches "nothing\*", found none/],
    ['rack:r14', /expected a rack that matches "r14", found none;/],
    ['row 7/a', /found none, did you mean "rack:row 7\/a"\?/],
    ['node[07:09]', /expected a host or a group that matches "node09" \(of node\[07:09\]\), found none/],
    [
      'r12[0]',
      /matches "r12\[0\]", found none.*next: name hosts of the group r12: an index into a group is not supported/,
    ],
    ['r12[0:2]', /an index into a group is not supported/],
    ['~zzz', /matches "zzz" \(of|matches "zzz", found none/],
  ])('refuses a part that matches nothing: %s', (limit, expected) => {
    const error = thrownBy(() => chosen(limit));
    expect(error.code).toBe('limit.unmatched');
    expect(error.message).toMatch(expected);
  });

  it.each([[''], [','], [' : , '], [[]], [['', ',']]])('refuses a limit without patterns: %j', (limit) => {
    const error = thrownBy(() => chosen(limit));
    expect(error.code).toBe('limit.empty');
    expect(error.message).toContain('next: name hosts, groups or racks, or write -l all for every host');
  });

  it('refuses a selection without hosts', () => {
    expect(thrownBy(() => chosen('r12:!r12')).message).toBe(
      '-l "r12:!r12": expected at least one host, found none: what it adds, it also takes away; next: see the hosts with `vfleet inventory`',
    );
    expect(thrownBy(() => chosen('r12:&r13')).code).toBe('limit.empty');
  });

  it.each([
    ['node[01:', 'limit.syntax', /each bracket closed/],
    ['node[03:01]', 'limit.syntax', /a range that counts up/],
    ['~(', 'limit.syntax', /each bracket closed/],
    ['~*', 'limit.syntax', /a regular expression after "~"/],
    ['all:!', 'limit.syntax', /expected a name, found "!"/],
    ['rack:', 'limit.syntax', /expected a name/],
    ['@', 'limit.syntax', /expected a name/],
    ['@none', 'limit.file', /\(file none\): expected a readable file, found no such file or folder/],
    ['@empty', 'limit.empty', /\(file empty\): expected at least one pattern/],
    ['@nested', 'limit.file', /another file: @empty/],
    ['@typo', 'limit.unmatched', /\(file typo\): .* matches "node77"/],
  ])('refuses %s as %s', (limit, code, expected) => {
    const error = thrownBy(() => chosen(limit, { empty: '# nothing\n\n', nested: '@empty', typo: 'node77' }));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(expected);
  });

  it('reads a file from disk by default, relative to the working folder', () => {
    expect(thrownBy(() => select(inventory, '@no-such-file')).message).toContain('no such file or folder');
  });
});

describe('the algebra of limits', () => {
  const term = fc.constantFrom(
    'r12',
    'r13',
    'amd',
    'intel',
    'rack:r12',
    'node0[1-4]',
    'node[02:05]',
    'gpu-a',
    '~node0[5-8]',
    'all',
    '*',
    'compute',
  );
  const names = (limit: string): ReadonlySet<string> => {
    try {
      return new Set(chosen(limit).split(' '));
    } catch (error) {
      // Two sets with nothing in common: an error to an operator, the empty set here.
      if (error instanceof Error && /takes away/.test(error.message)) return new Set();
      throw error;
    }
  };
  const set = (values: Iterable<string>): readonly string[] => [...new Set(values)].toSorted();

  it('is that of sets: union, intersection, exclusion', () => {
    fc.assert(
      fc.property(term, term, fc.constantFrom(':', ','), (a, b, comma) => {
        const [left, right] = [names(a), names(b)];
        expect(set(names(`${a}${comma}${b}`))).toEqual(set([...left, ...right]));
        expect(set(names(`${a}${comma}&${b}`))).toEqual(set([...left].filter((name) => right.has(name))));
        expect(set(names(`${a}${comma}!${b}`))).toEqual(set([...left].filter((name) => !right.has(name))));
      }),
    );
  });

  it('knows no order of terms and no repetition', () => {
    const mode = fc.constantFrom('', '&', '!');
    const terms = fc.array(
      fc.tuple(mode, term).map(([sign, text]) => sign + text),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(terms, fc.nat(), (some, turn) => {
        const turned = some.map((_, index) => some[(index + turn) % some.length] ?? '');
        const expected = [...names(some.join(':'))];
        expect([...names(turned.join(','))]).toEqual(expected);
        expect([...names([...some, ...some].join(':'))]).toEqual(expected);
      }),
    );
  });

  it('gives every host once, in the order of the inventory', () => {
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 4 }), (some) => {
        const found = chosen(some).split(' ');
        expect(found).toEqual(ALL.split(' ').filter((name) => found.includes(name)));
      }),
    );
  });
});

describe('parseLimit', () => {
  it.each([
    ['a:b', ['a', 'b']],
    ['rack:a:b', ['rack:a', 'b']],
    ['!rack:a,&b', ['!rack:a', '&b']],
    ['a[1:2]:b', ['a[1:2]', 'b']],
    ['~a{1,2}:b', ['~a{1,2}', 'b']],
    ['~a\\:b:c', ['~a\\:b', 'c']],
    ['~[:,]x:c', ['~[:,]x', 'c']],
    ['fe80::1,b', ['fe80::1', 'b']],
    ['::1', ['::1']],
    ['@a.txt,b', ['@a.txt', 'b']],
    ['', []],
  ])('%s', (limit, expected) => {
    expect(parseLimit(limit).map((term) => term.text)).toEqual(expected);
  });
});

describe('globTest', () => {
  it.each([
    ['a*', 'abc', true],
    ['a*', 'ba', false],
    ['a?c', 'abc', true],
    ['a.c', 'abc', false],
    ['a[bc]d', 'acd', true],
    ['a[!bc]d', 'acd', false],
    ['a[!bc]d', 'aed', true],
    ['a[z-a]', 'ab', false],
    ['a-b', 'a-b', true],
    ['a+b', 'a+b', true],
    ['a[', 'a[', true],
  ])('%s on %s is %s', (glob, name, expected) => {
    expect(globTest(glob)(name)).toBe(expected);
  });
});

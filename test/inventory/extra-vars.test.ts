import { describe, expect, it } from 'vitest';
import { readExtraVars, withExtraVars } from '../../src/inventory/extra-vars.ts';
import { isUnsupported } from '../../src/inventory/unsupported.ts';
import { hostNamed, loadText, thrownBy } from './support.ts';

const files: Readonly<Record<string, string>> = {
  'vars.yaml': '# site\na: 1\nb: { c: [x] }\n',
  'vars.json': '\uFEFF{"a": 2}',
  'list.yaml': '- a\n',
  'bad.yaml': 'a: [\n',
  'empty.yaml': '# nothing\n',
  'vault.yaml': '$ANSIBLE_VAULT;1.1;AES256\n36\n',
};

function read(path: string): string {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
  return text;
}

function vars(...args: readonly string[]): Readonly<Record<string, unknown>> {
  return readExtraVars(args, { read }).vars;
}

describe('readExtraVars', () => {
  it.each([
    ['a=text', 'text'],
    ['a=3', 3],
    ['a=-1.5', -1.5],
    ['a=true', true],
    ['a=null', null],
    ['a=', ''],
    ['a="3"', '3'],
    ["a='it''s'", "it's"],
    ['a=x=y', 'x=y'],
    ['a=two words', 'two words'],
    ['a=10de:1e07', '10de:1e07'],
    ['a=0000:01:00.0', '0000:01:00.0'],
    ['a=x # y', 'x # y'],
    ['a=key: value', 'key: value'],
    ['a="quiet foo=1"', 'quiet foo=1'],
    ['a=yes', 'yes'],
    ['a=*', '*'],
    ['a=&b', '&b'],
  ])('%s', (arg, expected) => {
    expect(vars(arg)).toEqual({ a: expected });
  });

  it('reads JSON, YAML, and files; a later argument goes before an earlier one', () => {
    expect(vars('{"a": {"b": [1]}, "c": null}')).toEqual({ a: { b: [1] }, c: null });
    expect(vars('{a: 1}')).toEqual({ a: 1 });
    expect(vars('@vars.yaml')).toEqual({ a: 1, b: { c: ['x'] } });
    expect(vars('@vars.yaml', '@vars.json', 'c=1')).toEqual({ a: 2, b: { c: ['x'] }, c: 1 });
    expect(vars('a=1', 'a=2')).toEqual({ a: 2 });
    expect(vars('@empty.yaml')).toEqual({});
    expect(vars()).toEqual({});
  });

  it('says where each comes from', () => {
    expect(readExtraVars(['a=1', '@vars.yaml'], { read }).origins).toEqual({
      a: { scope: '-e', position: 'vars.yaml:2:1' },
      b: { scope: '-e', position: 'vars.yaml:3:1' },
    });
    expect(readExtraVars(['a=1']).origins).toEqual({ a: { scope: '-e', position: '-e' } });
  });

  it('marks a Jinja expression', () => {
    expect(isUnsupported(vars('a={{ b }}')['a'])).toBe(true);
  });

  it.each([
    ['motd', '-e: expected name=value, {"name": value} or @FILE, found "motd"'],
    [
      'vars.yaml',
      '-e: expected name=value, {"name": value} or @FILE, found "vars.yaml"; for a file write -e @vars.yaml',
    ],
    ['=1', /expected name=value/],
    ['a b=1', '-e: expected the name of a variable, found "a b"'],
    ['a=1 b=2', /^-e a: one variable for each -e; to have all of this as the value, quote it: -e 'a="…"'$/],
    ['a=[1, 2]', `-e a: a list or a map is written as JSON around it all: -e '{"a": [1, 2]}'`],
    ['{"a": 1', /^-e:1:\d+: YAML: /],
    ['[1]', '-e:1:1: expected a map of variables, found a list'],
    ['{"a": 1, "a": 2}', '-e:1:10 a: the same key twice, the first is at line 1, column 2'],
    ['@list.yaml', 'list.yaml:1:1: expected a map of variables, found a list'],
    ['@bad.yaml', /^bad\.yaml:\d+:\d+: YAML: /],
    ['@none.yaml', 'none.yaml: cannot be read: no such file or folder'],
    ['@vault.yaml', 'vault.yaml: is encrypted with ansible-vault; decrypt it first'],
    ['ansible_user=root', /^-e ansible_user: ansible_user is set in the inventory only, not with -e/],
    ['{"ssh": {"user": "root"}}', /^-e:1:2 ssh: ssh is set in the inventory only/],
    ['rack=r12', /rack is set in the inventory only/],
  ])('refuses %s', (arg, expected) => {
    const error = thrownBy(() => vars(arg));
    expect(error.code).toBe('inventory.invalid');
    if (typeof expected === 'string') expect(error.message).toBe(expected);
    else expect(error.message).toMatch(expected);
  });

  it('names everything that is wrong', () => {
    expect(thrownBy(() => vars('x', '@none.yaml')).message.split('\n')).toHaveLength(2);
  });
});

describe('withExtraVars', () => {
  it('goes before every value of the host, and keeps the origins', async () => {
    const host = hostNamed(await loadText('all: { hosts: { n: { a: 1, b: 2 } } }'), 'n');
    const over = withExtraVars(host, readExtraVars(['a=9']));
    expect(over.vars).toEqual({ a: 9, b: 2 });
    expect(over.origins).toEqual({ a: { scope: '-e', position: '-e' }, b: host.origins['b'] });
    expect(host.vars).toEqual({ a: 1, b: 2 });
  });
});

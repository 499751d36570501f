import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { VfleetError } from '../../src/errors.ts';
import { playbook } from '../../src/index.ts';
import type { InventoryHost } from '../../src/inventory/host.ts';
import { unsupported } from '../../src/inventory/unsupported.ts';
import { declaredVars, validateVars } from '../../src/playbook/vars.ts';

function host(name: string, vars: Readonly<Record<string, unknown>>): InventoryHost {
  const origins = Object.fromEntries(Object.keys(vars).map((key) => [key, { scope: 'all', position: `i.yaml:3:5` }]));
  const ssh = { address: name, port: 22, user: null, keyFile: null, password: null, jump: null };
  return {
    name,
    rack: null,
    groups: ['all'],
    vars,
    origins,
    ssh: { ...ssh, elevate: 'root', elevatePassword: null, knownHosts: null },
  };
}

const of = (vars: z.ZodType) => playbook({ name: 'x', vars });
const message = (vars: z.ZodType, ...hosts: readonly InventoryHost[]): string => {
  try {
    validateVars(of(vars), hosts);
  } catch (thrown) {
    if (thrown instanceof VfleetError) return thrown.message;
    throw thrown;
  }
  return 'valid';
};

describe('variables of a playbook', () => {
  it('are those that it declares, with its defaults, for each host', () => {
    const schema = z.object({ size: z.number().default(2), name: z.string() });
    const values = validateVars(of(schema), [host('a', { name: 'n', other: 1 }), host('b', { name: 'm', size: 3 })]);
    expect([...values]).toEqual([
      ['a', { size: 2, name: 'n' }],
      ['b', { size: 3, name: 'm' }],
    ]);
    expect(validateVars(playbook({ name: 'none' }), [host('a', { x: 1 })]).get('a')).toEqual({});
  });

  it.each([
    ['a refinement', z.object({ a: z.number() }).refine(({ a }) => a > 0), ['a']],
    ['a transformation', z.object({ a: z.number() }).transform(({ a }) => a * 2), ['a']],
    ['a preprocessor', z.preprocess((value) => value, z.object({ a: z.number() })), ['a']],
    ['an intersection', z.object({ a: z.number() }).and(z.object({ b: z.string() })), ['a', 'b']],
    ['a union', z.union([z.object({ a: z.number() }), z.object({ b: z.string() })]), ['a', 'b']],
    ['a default', z.object({ a: z.number() }).default({ a: 1 }), ['a']],
    ['read-only', z.object({ a: z.number() }).readonly(), ['a']],
    ['a record', z.record(z.string(), z.unknown()), null],
  ])('are known through %s', (_, schema, names) => {
    expect(declaredVars(of(schema))).toEqual(names);
    expect(message(schema, host('h', { a: 1, b: 'x' }))).toBe('valid');
  });

  it('of a schema that takes any are all that can be computed here', () => {
    const vars = { a: 1, later: unsupported('jinja', 'i.yaml:1:1', '{{ x }}') };
    const values = validateVars(of(z.record(z.string(), z.unknown())), [host('h', vars)]);
    expect(values.get('h')).toEqual({ a: 1 });
  });
});

describe('wrong variables', () => {
  it('are all named at once, by host, place, and what was found; equal mistakes share a line', () => {
    const schema = z.object({ size: z.number(), ids: z.array(z.string()).default([]) });
    const found = message(
      schema,
      host('n1', { size: 'big' }),
      host('n2', { size: 'big' }),
      host('n3', { size: 1, ids: ['a', 2] }),
      host('n4', {}),
      host('n5', { size: 5 }),
    );
    expect(found).toMatch(/^ {2}n\[1-2\]: size \(i\.yaml:3:5\): .*expected number.*, found "big"$/m);
    expect(found).toMatch(/^ {2}n3: ids\.1 \(i\.yaml:3:5\): .*expected string.*, found 2$/m);
    expect(found).toMatch(/^ {2}n4: size: .*, found nothing$/m);
    expect(found).not.toContain('n5');
    expect(found).toMatch(/no host was touched:\n/);
  });

  it.each([
    [
      'hugepages',
      { coutn: 4 },
      /hugepages \(i\.yaml:3:5\): expected only the keys size, count.*, found "coutn", did you mean "count"\?/,
    ],
    [
      'sriov',
      [{ pf: '0000:3b:00.0', count: 2, drivr: 'host' }],
      /sriov\.0 .*pf, count, driver, firmware, found "drivr", did you mean "driver"/,
    ],
    [
      'usb',
      [{ port: '1-2', id: '0403:6001', seriall: 'A1' }],
      /usb\.0 .*port, id, serial, allow, found "seriall", did you mean "serial"/,
    ],
    ['serial', [{ port: 'ttyS1', alias: 'x', bauds: 9600 }], /serial\.0 .*port, id, interface, alias, found "bauds"$/m],
  ])('of the playbook %s are told by their keys, too', async (name, given, expected) => {
    const { default: book } = await import(`../../playbooks/${name}.ts`);
    expect(message(book.vars, host('n', { [name]: given }))).toMatch(expected);
  });

  it('do not show a secret', () => {
    expect(
      message(z.object({ bmc: z.object({ password: z.number() }) }), host('n', { bmc: { password: 'x1y2' } })),
    ).toMatch(/bmc\.password .*found a string/);
    expect(message(z.object({ token: z.number() }), host('n', { token: 'x1y2' }))).not.toContain('x1y2');
  });

  it('are said to be when the schema itself throws', () => {
    const schema = z.object({ a: z.string() }).refine(() => {
      throw new Error('broken schema');
    });
    expect(message(schema, host('n', { a: 'x' }))).toMatch(/n: the schema of the playbook threw Error: broken schema/);
  });

  it('that only Ansible can compute are named where they are needed', () => {
    const vars = { a: unsupported('jinja', 'i.yaml:1:1', '{{ x }}') };
    expect(message(z.object({ a: z.string() }), host('n', vars))).toMatch(/variable a \(i\.yaml:1:1\).*Jinja/);
  });
});

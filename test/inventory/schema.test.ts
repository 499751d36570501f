import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { inventorySchema } from '../../src/inventory/schema.ts';
import { sshKeys } from '../../src/inventory/ssh-schema.ts';

type Json = Readonly<Record<string, unknown>>;

/** The part of JSON Schema that the schema uses, read as an editor reads it: paths of what does not fit. */
function misfits(value: unknown, schema: Json, root: Json, path = ''): readonly string[] {
  if (typeof schema['$ref'] === 'string') {
    const name = schema['$ref'].replace('#/definitions/', '');
    return misfits(value, at(at(root, 'definitions'), name), root, path);
  }
  const known = ['$schema', 'title', 'description', 'type', 'properties', 'patternProperties', 'additionalProperties'];
  const more = ['definitions', 'anyOf', 'enum', 'minimum', 'maximum', 'pattern', 'allOf', 'items', 'minItems'];
  expect([...known, ...more]).toEqual(expect.arrayContaining(Object.keys(schema)));
  if (Array.isArray(schema['anyOf'])) {
    return schema['anyOf'].some((one: Json) => misfits(value, one, root, path).length === 0) ? [] : [path];
  }
  const found: string[] = [];
  const types: readonly unknown[] = [schema['type'] ?? typesOf(value)].flat();
  if (!typesOf(value).some((type) => types.includes(type))) found.push(path);
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) found.push(path);
  if (typeof value === 'number' && typeof schema['maximum'] === 'number' && value > schema['maximum']) found.push(path);
  if (
    typeof value === 'string' &&
    typeof schema['pattern'] === 'string' &&
    !new RegExp(schema['pattern'], 'u').test(value)
  ) {
    found.push(path);
  }
  if (typeof value === 'number' && typeof schema['minimum'] === 'number' && value < schema['minimum']) found.push(path);
  if (Array.isArray(value)) {
    if (value.length < Number(schema['minItems'] ?? 0)) found.push(path);
    return [...found, ...value.flatMap((item, index) => misfits(item, at(schema, 'items'), root, `${path}.${index}`))];
  }
  if (typeof value !== 'object' || value === null) return found;
  for (const [key, inner] of Object.entries(value)) {
    const patterns = Object.entries(at(schema, 'patternProperties')).filter(([source]) => new RegExp(source).test(key));
    const rule = at(schema, 'properties')[key] ?? patterns[0]?.[1] ?? schema['additionalProperties'];
    if (rule === false) found.push(`${path}.${key}`);
    else if (typeof rule === 'object' && rule !== null)
      found.push(...misfits(inner, { ...rule }, root, `${path}.${key}`));
  }
  return found;
}

function at(schema: Json, key: string): Json {
  const part = schema[key];
  return typeof part === 'object' && part !== null ? { ...part } : {};
}

function typesOf(value: unknown): readonly string[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  return Number.isInteger(value) ? ['integer', 'number'] : [typeof value];
}

function check(text: string): readonly string[] {
  return misfits(parse(text), { ...inventorySchema() }, { ...inventorySchema() });
}

describe('inventorySchema', () => {
  it('is plain JSON of draft 7, with every key of ssh described for editors', () => {
    const schema = inventorySchema();
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
    expect(schema['$schema']).toBe('http://json-schema.org/draft-07/schema#');
    const properties = at(at(at({ ...schema }, 'definitions'), 'ssh'), 'properties');
    expect(Object.keys(properties).toSorted()).toEqual([...sshKeys].toSorted());
    for (const key of sshKeys) expect(JSON.stringify(properties[key])).toContain('"description"');
  });

  it('accepts the example and the forms that the loader takes', () => {
    const example = new URL('../../inventory/racks.yaml', import.meta.url);
    expect(check(readFileSync(example, 'utf8'))).toEqual([]);
    expect(check('all: { hosts: single, vars: { ansible_port: "22", ansible_become: "yes", any: [1] } }')).toEqual([]);
    expect(check('all: { rollout: { canary: [a], batches: [1, 10%], perRack: 2, soak: 5m, windows: x } }')).toEqual([]);
    expect(check('all: { hosts: { n: { ssh: { user: null, port: 22, elevate: none }, rack: 7 } } }\nr12:\n')).toEqual(
      [],
    );
  });

  it.each([
    ['all: { hsots: {} }', ['.all.hsots']],
    ['all: { hosts: [a] }', ['.all.hosts']],
    ['all: { children: { a: { ssh: { prot: 22 } } } }', ['.all.children.a.ssh.prot']],
    ['all: { ssh: { port: 70000 } }', ['.all.ssh.port']],
    ['all: { ssh: { elevate: su } }', ['.all.ssh.elevate']],
    ['all: { ssh: { user: 12 } }', ['.all.ssh.user']],
    ['all: { hosts: { n: { ansible_host: 12 } } }', ['.all.hosts.n.ansible_host']],
    ['all: { rollout: { perRak: 2 } }', ['.all.rollout.perRak']],
    ['all: { rollout: { perRack: 0 } }', ['.all.rollout.perRack']],
    ['all: { rollout: { batches: [] } }', ['.all.rollout.batches']],
    ['all: { children: { a: { rollout: {} } } }', ['.all.children.a.rollout']],
    ['"a b": {}', ['.a b']],
    ['[]', ['']],
  ])('refuses %s', (text, expected) => {
    expect(check(text)).toEqual(expected);
  });
});

import { z } from 'zod';

/** Keys of the object that a schema takes, through what is wrapped around it; `null`: it takes any, so that they cannot be told. */
export function keysOf(schema: unknown): readonly string[] | null {
  const bare = unwrapped(schema);
  if (bare instanceof z.ZodObject) return Object.keys(bare.shape);
  if (bare instanceof z.ZodIntersection) return joined([bare.def.left, bare.def.right]);
  return bare instanceof z.ZodUnion ? joined(bare.options) : null;
}

/** Likewise of an object further down, by the path of an issue. */
export function keysAt(schema: unknown, path: readonly PropertyKey[]): readonly string[] | null {
  const [first, ...rest] = path;
  return first === undefined ? keysOf(schema) : keysAt(inside(unwrapped(schema), first), rest);
}

function inside(schema: unknown, key: PropertyKey): unknown {
  if (schema instanceof z.ZodObject) return schema.shape[String(key)];
  if (schema instanceof z.ZodArray) return schema.element;
  return schema instanceof z.ZodRecord ? schema.valueType : null;
}

function unwrapped(schema: unknown): unknown {
  if (schema instanceof z.ZodPipe) return unwrapped(schema.in instanceof z.ZodTransform ? schema.out : schema.in);
  const isWrapper =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly;
  return isWrapper ? unwrapped(schema.unwrap()) : schema;
}

function joined(schemas: readonly unknown[]): readonly string[] | null {
  const all: string[] = [];
  for (const schema of schemas) {
    const keys = keysOf(schema);
    if (keys === null) return null;
    all.push(...keys);
  }
  return [...new Set(all)];
}

import { VfleetError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { positionOf } from './syntax.ts';

/** A value, or `null` where nobody can know: the items of an empty list have names, but no one can say which. */
export type Known = { readonly value: unknown } | null;

/** What names mean at one place of a template. */
export interface Scope {
  readonly template: string;
  /** The current context first, the data last. */
  readonly contexts: readonly Known[];
  /** Block parameters: `item` of `{{#each list as |item|}}`. */
  readonly locals: ReadonlyMap<string, Known>;
  /** `@index`, `@key`, `@first`, `@last` where they are. */
  readonly counters: ReadonlyMap<string, Known>;
  /** Whether this place is rendered with this data; names are checked anyway. */
  readonly taken: boolean;
}

/** The same scope, at a place that may not be rendered. */
export function branch(scope: Scope, taken: boolean): Scope {
  return { ...scope, taken: scope.taken && taken };
}

/** The value that a path names. Errors: `template.missing`. */
export function resolve(path: hbs.AST.PathExpression, scope: Scope): Known {
  const parts = [...path.parts];
  let at = start(path, parts, scope);
  const walked: string[] = [];
  for (const part of parts) {
    if (at === null) return null;
    const { value } = at;
    // `{{#if gpu}}{{gpu.model}}{{/if}}` with no gpu: what a GPU would have cannot be known, and is not rendered.
    if ((value === null || value === false) && !scope.taken && walked.length > 0) return null;
    if (
      value === null ||
      value === undefined ||
      !Object.hasOwn(Object(value), part) ||
      get(value, part) === undefined
    ) {
      throw missing(path, scope, [...walked, part], keysOf(value));
    }
    walked.push(part);
    at = { value: get(value, part) };
  }
  return at;
}

/** Where a path begins; takes the parts that are used up off `parts`. */
function start(path: hbs.AST.PathExpression, parts: string[], scope: Scope): Known {
  const head = parts[0];
  if (path.data) {
    parts.shift();
    if (head === 'root') return scope.contexts.at(-1) ?? null;
    const counter = head === undefined || path.depth > 0 ? undefined : scope.counters.get(head);
    if (counter !== undefined) return counter;
    throw missing(
      path,
      scope,
      [`@${head}`],
      ['root', ...scope.counters.keys()].map((name) => `@${name}`),
    );
  }
  // `this.name` and `./name` are the context's, whatever block parameters there are.
  const scoped = /^(?:\.|this\b)/.test(path.original);
  const local = head === undefined || scoped || path.depth > 0 ? undefined : scope.locals.get(head);
  if (local !== undefined) {
    parts.shift();
    return local;
  }
  const context = scope.contexts[path.depth];
  if (context === undefined) throw missing(path, scope, [path.original], []);
  return context;
}

function missing(
  path: hbs.AST.PathExpression,
  scope: Scope,
  walked: readonly string[],
  known: readonly string[],
): VfleetError {
  const wanted = walked.at(-1) ?? path.original;
  const guess = nearest(wanted, known);
  const has = known.length === 0 ? 'nothing there' : `only ${known.slice(0, 12).join(', ')}`;
  return new VfleetError({
    code: 'template.missing',
    thing: `${scope.template}:${positionOf(path)} {{${path.original}}}`,
    expected: `data that has "${walked.join('.')}"`,
    found: guess === null ? has : `${has}; did you mean "${guess}"?`,
    next: 'add the name to the data, or correct the template',
  });
}

function get(value: unknown, key: string): unknown {
  return Reflect.get(Object(value), key);
}

function keysOf(value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}

import { VfleetError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { helpers } from './helpers.ts';
import type { Scope } from './scope.ts';
import { positionOf } from './syntax.ts';

/** The error for a helper that a template calls and nobody knows. */
export function unknownHelper(path: hbs.AST.PathExpression, scope: Scope): VfleetError {
  const guess = nearest(path.original, Object.keys(helpers));
  const hint = guess === null ? '' : `; did you mean "${guess}"?`;
  return unsupported(path, scope, `the helper "${path.original}", which is unknown${hint}`);
}

/** What a statement is that a template may not have, for people. */
export function describe(statement: hbs.AST.Statement): string {
  const named = 'name' in statement ? statement.name : 'path' in statement ? statement.path : null;
  const name = typeof named === 'object' && named !== null && 'original' in named ? String(named.original) : '';
  return statement.type.startsWith('Partial') ? `the partial {{> ${name}}}` : `the decorator {{* ${name}}}`;
}

/** The error for a part of Handlebars that cannot be checked, or is not offered. */
export function unsupported(node: hbs.AST.Node, scope: Scope, found: string): VfleetError {
  return new VfleetError({
    code: 'template.unsupported',
    thing: `${scope.template}:${positionOf(node)}`,
    expected: `names, #if, #unless, #each, #with and the helpers ${Object.keys(helpers).join(', ')}`,
    found,
    next: 'compute the value in the playbook and pass it in the data',
  });
}

/** The error for a value that cannot be used where the template names it. */
export function wrongValue(node: hbs.AST.Node, scope: Scope, expected: string, value: unknown): VfleetError {
  const name = 'original' in node ? String(node.original) : '';
  const found = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
  return new VfleetError({
    code: 'template.value',
    thing: `${scope.template}:${positionOf(node)} {{${name}}}`,
    expected,
    found,
    next: 'correct the data, or print its parts one by one',
  });
}

import { helpers } from './helpers.ts';
import { describe, unknownHelper, unsupported, wrongValue } from './refusal.ts';
import { branch, type Known, resolve, type Scope } from './scope.ts';
import type { Program } from './syntax.ts';

/**
 * Refuses a template that names what the data lacks. Handlebars' own `strict` is silent about `{{#if missing}}` and
 * `{{#each missing}}`, so every path of the template is followed here, in branches that are not taken too. What would
 * print as `[object Object]` or as nothing is refused as well, and what makes checking impossible: partials, decorators,
 * unknown helpers. Errors: `template.missing`, `template.value`, `template.unsupported`.
 */
export function refuseMissingNames(program: Program, data: unknown, template: string): void {
  const none: ReadonlyMap<string, Known> = new Map();
  walk(program, { template, contexts: [{ value: data }], locals: none, counters: none, taken: true });
}

function walk(program: Program | undefined, scope: Scope): void {
  for (const statement of program?.body ?? []) {
    if (isA<hbs.AST.MustacheStatement>(statement, 'MustacheStatement')) mustache(statement, scope);
    else if (isA<hbs.AST.BlockStatement>(statement, 'BlockStatement')) block(statement, scope);
    else if (statement.type !== 'ContentStatement' && statement.type !== 'CommentStatement') {
      throw unsupported(statement, scope, describe(statement));
    }
  }
}

function mustache(statement: hbs.AST.MustacheStatement, scope: Scope): void {
  const value = evaluate(statement, scope);
  if (value === null || !scope.taken) return;
  const printable = ['string', 'number', 'boolean', 'bigint'].includes(typeof value.value);
  if (printable) return;
  throw wrongValue(statement.path, scope, 'a text or a number to print', value.value);
}

/** `{{name}}`, `{{helper value}}`, `(helper value)`. */
function evaluate(call: hbs.AST.MustacheStatement | hbs.AST.SubExpression, scope: Scope): Known {
  const path = asPath(call.path, scope);
  const helper = Object.hasOwn(helpers, path.original) ? helpers[path.original] : undefined;
  refuseHash(call, scope);
  if (helper === undefined) {
    if (call.type === 'SubExpression' || call.params.length > 0) throw unknownHelper(path, scope);
    return resolve(path, scope);
  }
  const [first, ...more] = call.params;
  if (first === undefined || more.length > 0)
    throw unsupported(call, scope, `${path.original} with other than one value`);
  const value = argument(first, scope);
  return value === null ? null : { value: helper(value.value) };
}

function argument(expression: hbs.AST.Expression, scope: Scope): Known {
  if (isA<hbs.AST.PathExpression>(expression, 'PathExpression')) return resolve(expression, scope);
  if (isA<hbs.AST.SubExpression>(expression, 'SubExpression')) return evaluate(expression, scope);
  if ('value' in expression) return { value: expression.value };
  throw unsupported(expression, scope, `a ${expression.type}`);
}

function block(statement: hbs.AST.BlockStatement, scope: Scope): void {
  const name = asPath(statement.path, scope).original;
  const [first, ...more] = statement.params;
  if (!['if', 'unless', 'each', 'with'].includes(name)) {
    throw unsupported(statement, scope, `the block {{#${name}}}, which is none of #if, #unless, #each, #with`);
  }
  refuseHash(statement, scope);
  if (first === undefined || more.length > 0) throw unsupported(statement, scope, `#${name} with other than one value`);
  const subject = argument(first, scope);
  const { program, inverse } = statement;
  if (name === 'each') return each(statement, subject, scope);
  const holds = subject === null ? null : !isEmpty(subject.value) && (name === 'with' || subject.value !== 0);
  // The names of something that is not there cannot be known.
  const context = holds === true ? subject : null;
  const inner = name === 'with' ? enter(scope, context, program?.blockParams, [context], new Map()) : scope;
  const positive = name === 'unless' ? holds === false : holds === true;
  walk(program, branch(inner, positive));
  walk(inverse, branch(scope, holds !== null && !positive));
}

function each(statement: hbs.AST.BlockStatement, subject: Known, scope: Scope): void {
  const { program, inverse } = statement;
  const entries = subject === null ? [] : entriesOf(statement, subject.value, scope);
  const last = entries.length - 1;
  entries.forEach(([key, value], index) => {
    const counters = new Map<string, Known>([
      ['index', { value: index }],
      ['key', { value: key }],
      ['first', { value: index === 0 }],
      ['last', { value: index === last }],
    ]);
    walk(program, enter(scope, { value }, program.blockParams, [{ value }, { value: key }], counters));
  });
  if (entries.length === 0) {
    const counters = new Map<string, Known>(['index', 'key', 'first', 'last'].map((name) => [name, null]));
    walk(program, branch(enter(scope, null, program.blockParams, [null, null], counters), false));
  }
  walk(inverse, branch(scope, subject !== null && entries.length === 0));
}

function entriesOf(
  statement: hbs.AST.BlockStatement,
  value: unknown,
  scope: Scope,
): readonly [string | number, unknown][] {
  if (Array.isArray(value)) return [...value.entries()];
  if (typeof value === 'object' && value !== null) return Object.entries(value);
  if (!scope.taken) return [];
  throw wrongValue(statement.params[0] ?? statement, scope, 'a list', value);
}

/** The scope of a block's body. As Handlebars does, a context that is the current one is not entered twice. */
function enter(
  scope: Scope,
  context: Known,
  names: readonly string[] | undefined,
  values: readonly Known[],
  counters: ReadonlyMap<string, Known>,
): Scope {
  const [current] = scope.contexts;
  // Loosely, because Handlebars compares so (`container.program` in its runtime.js).
  const same = context !== null && current !== null && current !== undefined && current.value == context.value;
  const locals = new Map(scope.locals);
  names?.forEach((name, index) => {
    locals.set(name, values[index] ?? null);
  });
  return {
    ...scope,
    contexts: same ? scope.contexts : [context, ...scope.contexts],
    locals,
    counters: new Map([...scope.counters, ...counters]),
  };
}

/** What `{{#if}}` takes for false. */
function isEmpty(value: unknown): boolean {
  return (!value && value !== 0) || (Array.isArray(value) && value.length === 0);
}

function isA<Node extends hbs.AST.Node>(node: hbs.AST.Node, type: string): node is Node {
  return node.type === type;
}

function asPath(expression: hbs.AST.Expression, scope: Scope): hbs.AST.PathExpression {
  if (isA<hbs.AST.PathExpression>(expression, 'PathExpression')) return expression;
  throw unsupported(expression, scope, 'a literal where a name belongs');
}

function refuseHash(node: { readonly hash?: hbs.AST.Hash } & hbs.AST.Node, scope: Scope): void {
  const [pair] = node.hash?.pairs ?? [];
  if (pair !== undefined) throw unsupported(pair, scope, `the named argument ${pair.key}=`);
}

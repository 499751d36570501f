import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import { isSecretName } from '../inventory/ansible.ts';
import type { InventoryHost } from '../inventory/host.ts';
import { findUnsupported, varsFor } from '../inventory/unsupported.ts';
import { foldNames } from '../names.ts';
import type { Playbook } from './define.ts';

/** Names of the variables that a playbook declares; `null`: its schema takes any, so that they cannot be told. */
export function declaredVars(playbook: Playbook): readonly string[] | null {
  return namesOf(playbook.vars);
}

/** Looks through what may be wrapped around an object. */
function namesOf(schema: unknown): readonly string[] | null {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodPipe) return namesOf(schema.in instanceof z.ZodTransform ? schema.out : schema.in);
  if (schema instanceof z.ZodIntersection) return joined([schema.def.left, schema.def.right]);
  if (schema instanceof z.ZodUnion) return joined(schema.options);
  const isWrapper =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodReadonly;
  return isWrapper ? namesOf(schema.unwrap()) : null;
}

function joined(schemas: readonly unknown[]): readonly string[] | null {
  const all: string[] = [];
  for (const schema of schemas) {
    const names = namesOf(schema);
    if (names === null) return null;
    all.push(...names);
  }
  return [...new Set(all)];
}

/**
 * Validates the playbook's variables for every host, before any host is touched.
 *
 * @throws VfleetError `vars.invalid`, with everything that is wrong, one a line; hosts with the same mistake share one.
 */
export function validateVars(playbook: Playbook, hosts: readonly InventoryHost[]): ReadonlyMap<string, unknown> {
  const names = declaredVars(playbook);
  const values = new Map<string, unknown>();
  const mistakes = new Map<string, string[]>();
  const mistake = (text: string, host: InventoryHost): void => {
    mistakes.set(text, [...(mistakes.get(text) ?? []), host.name]);
  };
  for (const host of hosts) {
    const given = varsFor(host, names ?? supported(host));
    try {
      const parsed = playbook.vars.safeParse(given);
      if (parsed.success) values.set(host.name, parsed.data);
      else for (const issue of parsed.error.issues) mistake(describeIssue(issue, given, host), host);
    } catch (thrown) {
      mistake(`the schema of the playbook threw ${String(thrown)}`, host);
    }
  }
  if (mistakes.size === 0) return values;
  const lines = [...mistakes].map(([text, wrong]) => `${foldNames(wrong).join(',')}: ${text}`);
  throw new VfleetError({
    code: 'vars.invalid',
    thing: `variables of the playbook "${playbook.name}", to be corrected in the inventory or with -e; no host was touched:\n  ${lines.join('\n  ')}`,
  });
}

/** Where a schema takes any variable, those that only Ansible can compute are not for it. */
function supported(host: InventoryHost): readonly string[] {
  return Object.keys(host.vars).filter((name) => findUnsupported(host.vars[name]) === null);
}

function describeIssue(issue: z.core.$ZodIssue, given: unknown, host: InventoryHost): string {
  const [name] = issue.path;
  const position = typeof name === 'string' ? host.origins[name]?.position : undefined;
  const path = issue.path.map(String).join('.') || 'vars';
  const found = issue.path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    given,
  );
  const isSecret = issue.path.some((key) => isSecretName(String(key)));
  const shown = found === undefined ? 'nothing' : isSecret ? `a ${typeof found}` : JSON.stringify(found);
  const wanted = issue.message.replace(/^Invalid input: /, '').replace(/, received .*$/, '');
  return `${path}${position === undefined ? '' : ` (${position})`}: ${wanted}, found ${shown}`;
}

import type { z } from 'zod';
import { VfleetError } from '../errors.ts';
import { isSecretName } from '../inventory/ansible.ts';
import type { InventoryHost } from '../inventory/host.ts';
import { findUnsupported, varsFor } from '../inventory/unsupported.ts';
import { foldNames } from '../names.ts';
import { didYouMean } from '../nearest.ts';
import { keysAt, keysOf } from './declared-keys.ts';
import type { Playbook } from './define.ts';

/** Names of the variables that a playbook declares; `null`: its schema takes any, so that they cannot be told. */
export function declaredVars(playbook: Playbook): readonly string[] | null {
  return keysOf(playbook.vars);
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
      else for (const issue of parsed.error.issues) mistake(describeIssue(issue, given, playbook, host), host);
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

function describeIssue(issue: z.core.$ZodIssue, given: unknown, { vars }: Playbook, host: InventoryHost): string {
  const [name] = issue.path;
  const position = typeof name === 'string' ? host.origins[name]?.position : undefined;
  const path = issue.path.map(String).join('.') || 'vars';
  const place = `${path}${position === undefined ? '' : ` (${position})`}`;
  if (issue.code === 'unrecognized_keys') return `${place}: ${describeKeys(issue.keys, keysAt(vars, issue.path))}`;
  const found = issue.path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    given,
  );
  const isSecret = issue.path.some((key) => isSecretName(String(key)));
  const shown = found === undefined ? 'nothing' : isSecret ? `a ${typeof found}` : JSON.stringify(found);
  const wanted = issue.message.replace(/^Invalid input: /, '').replace(/, received .*$/, '');
  return `${place}: ${wanted}, found ${shown}`;
}

/** Of a key that nobody declares: those that are, and which was probably meant. */
function describeKeys(found: readonly string[], declared: readonly string[] | null): string {
  const expected = declared === null ? 'no such key' : `only the keys ${declared.join(', ')}`;
  const shown = found.map((key) => `${JSON.stringify(key)}${didYouMean(key, declared ?? [])}`);
  return `expected ${expected}, found ${shown.join('; ')}`;
}

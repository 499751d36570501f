import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import type { InventoryHost } from '../inventory/host.ts';
import { varsFor } from '../inventory/unsupported.ts';
import { foldNames } from '../names.ts';
import type { Playbook } from './define.ts';

/** Names of the variables that a playbook declares. */
export function declaredVars(playbook: Playbook): readonly string[] {
  return playbook.vars instanceof z.ZodObject ? Object.keys(playbook.vars.shape) : [];
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
  for (const host of hosts) {
    const given = varsFor(host, names);
    const parsed = playbook.vars.safeParse(given);
    if (parsed.success) values.set(host.name, parsed.data);
    else {
      for (const issue of parsed.error.issues) {
        const text = describeIssue(issue, given, host);
        mistakes.set(text, [...(mistakes.get(text) ?? []), host.name]);
      }
    }
  }
  if (mistakes.size === 0) return values;
  const lines = [...mistakes].map(([text, wrong]) => `${foldNames(wrong).join(',')}: ${text}`);
  throw new VfleetError({
    code: 'vars.invalid',
    thing: `variables of the playbook "${playbook.name}"\n  ${lines.join('\n  ')}\n `,
    next: 'correct them in the inventory or with -e; no host was touched',
  });
}

function describeIssue(issue: z.core.$ZodIssue, given: unknown, host: InventoryHost): string {
  const [name] = issue.path;
  const position = typeof name === 'string' ? host.origins[name]?.position : undefined;
  const path = issue.path.map(String).join('.') || 'vars';
  const found = issue.path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    given,
  );
  const shown = found === undefined ? 'nothing' : JSON.stringify(found);
  return `${path}${position === undefined ? '' : ` (${position})`}: ${issue.message}, found ${shown}`;
}

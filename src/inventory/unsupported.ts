import { VfleetError } from '../errors.ts';
import type { InventoryHost } from './host.ts';

const brand: unique symbol = Symbol.for('vfleet.unsupported');

/**
 * Stands in a host's variables for a value that only Ansible can compute: a Jinja expression, or text that
 * `ansible-vault` encrypted. It is carried along, because most of them are nothing to a playbook, and becomes an error
 * where the value is needed; see `varsFor`.
 */
export interface Unsupported {
  readonly [brand]: true;
  readonly kind: 'jinja' | 'vault';
  /** `inventory/group_vars/r12.yaml:3:5`. */
  readonly position: string;
  /** The expression as it is written; empty for a vault value. */
  readonly text: string;
}

/** The marker for a value that only Ansible can compute. */
export function unsupported(kind: Unsupported['kind'], position: string, text: string): Unsupported {
  return { [brand]: true, kind, position, text };
}

/** Whether a value is the marker itself. */
export function isUnsupported(value: unknown): value is Unsupported {
  return typeof value === 'object' && value !== null && brand in value;
}

/** Whether a text is a Jinja template to Ansible: it has the opening of an expression, a statement or a comment. */
export function isJinja(text: string): boolean {
  return text.includes('{{') || text.includes('{%') || text.includes('{#');
}

/** The first marker in a value, however deep. */
export function findUnsupported(value: unknown): Unsupported | null {
  if (isUnsupported(value)) return value;
  if (typeof value !== 'object' || value === null) return null;
  for (const part of Object.values(value)) {
    const found = findUnsupported(part);
    if (found !== null) return found;
  }
  return null;
}

/** What is wrong with a marker, and what to do: for an error message. */
export function explainUnsupported(marker: Unsupported): { readonly found: string; readonly next: string } {
  return marker.kind === 'jinja'
    ? {
        found: `the Jinja expression ${JSON.stringify(marker.text)}`,
        next: 'write the value itself (or tag it !unsafe when the braces are meant literally)',
      }
    : {
        found: 'a value encrypted with ansible-vault, which vfleet cannot decrypt',
        next: 'give the value with -e @FILE, or write it in the inventory',
      };
}

/**
 * Refuses a variable that is a Jinja expression or a vault value, or has one inside.
 *
 * @throws VfleetError `inventory.unsupported-value`, naming the host, the variable and its position.
 */
export function requireSupported(host: InventoryHost, name: string): void {
  const marker = Object.hasOwn(host.vars, name) ? findUnsupported(host.vars[name]) : null;
  if (marker === null) return;
  const { found, next } = explainUnsupported(marker);
  throw new VfleetError({
    code: 'inventory.unsupported-value',
    host: host.name,
    thing: `variable ${name} (${marker.position})`,
    expected: 'a plain value',
    found,
    next,
  });
}

/**
 * The variables of a host that a playbook declares, and no others: ready for its schema. A declared variable that the
 * host does not have is left out.
 *
 * @throws VfleetError `inventory.unsupported-value` when one of them is a Jinja expression or a vault value.
 */
export function varsFor(host: InventoryHost, declared: Iterable<string>): Readonly<Record<string, unknown>> {
  const vars: Record<string, unknown> = {};
  for (const name of declared) {
    requireSupported(host, name);
    if (Object.hasOwn(host.vars, name)) vars[name] = host.vars[name];
  }
  return vars;
}

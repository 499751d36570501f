import { foldNames } from '../names.ts';
import { letters, typingDistance } from '../nearest.ts';
import type { InventoryHost } from './host.ts';

/** Shorter names are one typing error away from too many others. */
const SHORTEST = 4;

/**
 * Warnings for variables that are one typing error, or another spelling of the same letters, away from one that the
 * playbook declares, where the host does not set the declared one. Hosts that have it from the same line share a warning.
 *
 * @example
 * nearMisses(hosts, ['allowUnsafeInterrupts']);
 * // node[01-40]: allowUnsafeInterupts (inventory/group_vars/all.yaml:3:1) is not a variable of the playbook; did you mean
 * // allowUnsafeInterrupts?
 */
export function nearMisses(hosts: readonly InventoryHost[], declared: Iterable<string>): readonly string[] {
  const known = new Set(declared);
  const meant = new Map<string, readonly string[]>();
  const found = new Map<string, string[]>();
  for (const host of hosts) {
    for (const name of Object.keys(host.vars)) {
      if (known.has(name)) continue;
      const near = meant.get(name) ?? [...known].filter((wanted) => isNear(name, wanted));
      meant.set(name, near);
      for (const wanted of near) {
        if (Object.hasOwn(host.vars, wanted)) continue;
        const position = host.origins[name]?.position ?? '';
        const text = `${name} (${position}) is not a variable of the playbook; did you mean ${wanted}?`;
        const names = found.get(text) ?? [];
        names.push(host.name);
        found.set(text, names);
      }
    }
  }
  return [...found].map(([text, names]) => `${shortened(foldNames(names))}: ${text}`);
}

function isNear(name: string, wanted: string): boolean {
  if (letters(name) === letters(wanted)) return true;
  return wanted.length >= SHORTEST && Math.abs(name.length - wanted.length) <= 1 && typingDistance(name, wanted) === 1;
}

function shortened(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
}

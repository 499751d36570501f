import { escapeLine } from '../escape.ts';
import { nameList } from '../names.ts';
import type { Paint } from '../paint.ts';
import { count } from './block.ts';

/** Hosts of which the same is to be said. */
export interface Group<H> {
  readonly hosts: readonly H[];
  readonly lines: readonly string[];
}

/**
 * Hosts with equal text, together: in the order of their first hosts. What is not shown does not part them, and one
 * character that is shown does.
 */
export function groupByText<H>(hosts: readonly H[], describe: (host: H) => readonly string[]): readonly Group<H>[] {
  const groups = new Map<string, { readonly hosts: H[]; readonly lines: readonly string[] }>();
  for (const host of hosts) {
    const lines = describe(host);
    const key = lines.join('\n');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { hosts: [host], lines });
    else group.hosts.push(host);
  }
  return [...groups.values()];
}

/** The first line about a group: `node07: refused`, `22 hosts: same 2 changes (node[01-22])`. */
export function heading(hosts: readonly { readonly name: string }[], what: string, paint: Paint): string {
  const [only, ...others] = hosts;
  if (only === undefined || others.length === 0) return `${paint.strong(escapeLine(only?.name ?? ''))}: ${what}`;
  const names = nameList(hosts.map(({ name }) => name));
  return `${paint.strong(count(hosts.length, 'host'))}: ${what} (${names})`;
}

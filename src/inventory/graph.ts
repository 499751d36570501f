import { didYouMean } from '../nearest.ts';
import type { Draft, DraftGroup } from './draft.ts';
import type { Problems } from './problem.ts';

/** How the groups of an inventory lie above each other. */
export interface Graph {
  /** The groups that a host with these direct groups is in, weakest values first: `all`, then parents before children. */
  readonly groupsOf: (direct: Iterable<string>) => readonly string[];
  /** Direct children of each group; every group without a parent is a child of `all`. */
  readonly children: ReadonlyMap<string, readonly string[]>;
}

/**
 * Orders the groups, or returns `null` when they form a loop. Ansible's order: by depth below `all` (the longest way down),
 * then by `ansible_group_priority`, then by name. (Source: ansible-core 2.14, `inventory/helpers.py`, `sort_groups`, and
 * `inventory/group.py` for the depth.)
 */
export function buildGraph(draft: Draft, problems: Problems): Graph | null {
  const children = childrenOf(draft);
  const order = parentsFirst(draft, children, problems);
  if (order === null) return null;
  const ancestors = new Map<string, Set<string>>(order.map((name) => [name, new Set([name])]));
  const depths = new Map<string, number>(order.map((name) => [name, 0]));
  for (const name of order) {
    for (const child of children.get(name) ?? []) {
      for (const ancestor of ancestors.get(name) ?? []) ancestors.get(child)?.add(ancestor);
      depths.set(child, Math.max(depths.get(child) ?? 0, (depths.get(name) ?? 0) + 1));
    }
  }
  const strength = strengths(draft, depths, problems);
  const known = new Map<string, readonly string[]>();
  const groupsOf = (direct: Iterable<string>): readonly string[] => {
    const key = [...direct].join(' ');
    const cached = known.get(key);
    if (cached !== undefined) return cached;
    const names = new Set(['all', ...key.split(' ').flatMap((name) => [...(ancestors.get(name) ?? [])])]);
    const sorted = [...names].toSorted((a, b) => (strength.get(a) ?? 0) - (strength.get(b) ?? 0));
    known.set(key, sorted);
    return sorted;
  };
  return { groupsOf, children };
}

/** A group that is only named as a child is a typing error; Ansible would make an empty group of it. */
export function nameUnknownGroups(draft: Draft, problems: Problems): void {
  const defined = [...draft.groups.values()].filter((group) => group.defined).map((group) => group.name);
  for (const group of draft.groups.values()) {
    // Tools that print an inventory name `ungrouped` even when it is empty.
    if (group.defined || group.name === 'ungrouped') continue;
    const hint = didYouMean(group.name, defined) || `; define it, or write "${group.name}: {}" for an empty group`;
    problems.add('inventory.unknown-group', group.place, group.path, `unknown group "${group.name}"${hint}`);
  }
}

function childrenOf(draft: Draft): ReadonlyMap<string, readonly string[]> {
  const hasParent = new Set([...draft.groups.values()].flatMap((group) => [...group.children.keys()]));
  const children = new Map<string, readonly string[]>();
  for (const group of draft.groups.values()) children.set(group.name, [...group.children.keys()]);
  const orphans = [...draft.groups.keys()].filter((name) => name !== 'all' && !hasParent.has(name));
  children.set('all', [...(children.get('all') ?? []), ...orphans]);
  return children;
}

/** Every group after all its parents; `null`, with each loop as a problem, when there is a loop. */
function parentsFirst(
  draft: Draft,
  children: ReadonlyMap<string, readonly string[]>,
  problems: Problems,
): readonly string[] | null {
  const done = new Set<string>();
  const order: string[] = [];
  let looped = false;
  const visit = (name: string, above: readonly string[]): void => {
    if (done.has(name)) return;
    for (const child of children.get(name) ?? []) {
      const start = child === name ? above.length : above.indexOf(child);
      if (start === -1) {
        visit(child, [...above, name]);
        continue;
      }
      looped = true;
      const loop = [...above.slice(start), name, child].join(' > ');
      const group = draft.groups.get(name);
      const place = group?.children.get(child) ?? group?.place;
      if (place !== undefined)
        problems.add('inventory.loop', place, [name, 'children', child], `loop of groups: ${loop}`);
    }
    done.add(name);
    order.push(name);
  };
  // From every group, because a loop may have no way into it from `all`.
  for (const name of ['all', ...draft.groups.keys()]) visit(name, []);
  return looped ? null : order.toReversed();
}

/** The place of each group in Ansible's order. */
function strengths(draft: Draft, depths: ReadonlyMap<string, number>, problems: Problems): ReadonlyMap<string, number> {
  const priorities = new Map([...draft.groups.values()].map((group) => [group.name, priorityOf(group, problems)]));
  const rank = (of: ReadonlyMap<string, number>, name: string): number => of.get(name) ?? 0;
  const sorted = [...draft.groups.keys()].toSorted(
    (a, b) => rank(depths, a) - rank(depths, b) || rank(priorities, a) - rank(priorities, b) || (a < b ? -1 : 1),
  );
  return new Map(sorted.map((name, index) => [name, index]));
}

function priorityOf(group: DraftGroup, problems: Problems): number {
  const said = group.inline.findLast((body) => body.priority !== null)?.priority ?? null;
  for (const { priority } of group.files) {
    if (priority === null) continue;
    problems.warn(
      priority.place,
      priority.path,
      'has no effect in group_vars, as in Ansible; set it in the inventory file',
    );
  }
  if (said === null || said.value === null) return 1;
  const value = typeof said.value === 'string' ? Number(said.value) : said.value;
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  const text = `expected a whole number, found ${JSON.stringify(said.value)}`;
  problems.add('inventory.value', said.place, said.path, text);
  return 1;
}

import type { Body } from './body.ts';
import type { Place } from './problem.ts';

/** A group as it is being read: it may be mentioned many times, in many files. */
export interface DraftGroup {
  readonly name: string;
  /** Of its first mention. */
  readonly place: Place;
  readonly path: readonly string[];
  /** Whether it has a body anywhere, or is only named as a child. */
  defined: boolean;
  /** Direct children, with the place where each is named. */
  readonly children: Map<string, Place>;
  readonly hosts: Set<string>;
  /** What the inventory files say of it, in their order. */
  readonly inline: Body[];
  /** What `group_vars` says of it. */
  readonly files: Body[];
}

/** A host as it is being read. */
export interface DraftHost {
  readonly name: string;
  readonly place: Place;
  readonly path: readonly string[];
  /** The groups that name it directly. */
  readonly groups: Set<string>;
  readonly inline: Body[];
  readonly files: Body[];
}

/** An inventory as it is being read. Hosts and groups keep the order of their first mention. */
export interface Draft {
  readonly groups: Map<string, DraftGroup>;
  readonly hosts: Map<string, DraftHost>;
  /** What `rollout:` under `all:` says, by key, and where. */
  readonly rollout: Map<string, { readonly value: unknown; readonly position: string }>;
}

/** A draft with the group `all` in it. */
export function emptyDraft(file: Place): Draft {
  const draft: Draft = { groups: new Map(), hosts: new Map(), rollout: new Map() };
  groupOf(draft, 'all', file, ['all']).defined = true;
  return draft;
}

/** The group of that name, added when it is new. */
export function groupOf(draft: Draft, name: string, place: Place, path: readonly string[]): DraftGroup {
  const known = draft.groups.get(name);
  if (known !== undefined) return known;
  const group: DraftGroup = {
    name,
    place,
    path,
    defined: false,
    children: new Map(),
    hosts: new Set(),
    inline: [],
    files: [],
  };
  draft.groups.set(name, group);
  return group;
}

/** The host of that name, added when it is new. */
export function hostOf(draft: Draft, name: string, place: Place, path: readonly string[]): DraftHost {
  const known = draft.hosts.get(name);
  if (known !== undefined) return known;
  const host: DraftHost = { name, place, path, groups: new Set(), inline: [], files: [] };
  draft.hosts.set(name, host);
  return host;
}

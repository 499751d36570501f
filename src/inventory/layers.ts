import type { Body, Sourced } from './body.ts';
import type { Draft, DraftHost } from './draft.ts';
import type { Graph } from './graph.ts';
import type { Origin } from './host.ts';

/** A value that holds for a host, with its rank: of two spellings of one setting the higher rank holds. */
export interface Held {
  readonly value: unknown;
  readonly origin: Origin;
  readonly said: Sourced;
  readonly rank: number;
}

/** All values that hold for a host, by name. */
export interface Values {
  readonly vars: ReadonlyMap<string, Held>;
  readonly settings: ReadonlyMap<string, Held>;
}

interface Layer {
  readonly scope: string;
  readonly body: Body;
}

/**
 * Merges what groups and host say, weakest first: `all` and then the other groups in the inventory files, `group_vars/all`,
 * the other `group_vars`, the host in the inventory files, `host_vars`. A later value replaces an earlier one whole.
 * (Source: "Understanding variable precedence" of Ansible's documentation, and ansible-core 2.14, `vars/manager.py`.)
 */
export function mergeLayers(draft: Draft, graph: Graph): (host: DraftHost) => Values {
  const merged = new Map<readonly string[], { readonly values: Values; readonly rank: number }>();
  return (host) => {
    const groups = graph.groupsOf(host.groups);
    let base = merged.get(groups);
    if (base === undefined) {
      const layers = groupLayers(draft, groups);
      base = { values: lay({ vars: new Map(), settings: new Map() }, layers, 0), rank: layers.length };
      merged.set(groups, base);
    }
    const scope = `host ${host.name}`;
    const layers = [...host.inline, ...host.files].map((body) => ({ scope, body }));
    return lay(base.values, layers, base.rank);
  };
}

function groupLayers(draft: Draft, groups: readonly string[]): readonly Layer[] {
  const of = (kind: 'inline' | 'files'): readonly Layer[] =>
    groups.flatMap((name) => (draft.groups.get(name)?.[kind] ?? []).map((body) => ({ scope: `group ${name}`, body })));
  return [...of('inline'), ...of('files')];
}

function lay(base: Values, layers: readonly Layer[], firstRank: number): Values {
  const vars = new Map(base.vars);
  const settings = new Map(base.settings);
  for (const [index, { scope, body }] of layers.entries()) {
    const held = (said: Sourced): Held => {
      return { value: said.value, said, rank: firstRank + index, origin: { scope, position: said.position } };
    };
    for (const [name, said] of body.vars) vars.set(name, held(said));
    for (const [name, said] of body.settings) settings.set(name, held(said));
  }
  return { vars, settings };
}

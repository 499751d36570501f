import { homedir, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { parseYaml } from './document.ts';
import { type Draft, type DraftHost, emptyDraft, groupOf } from './draft.ts';
import { buildGraph, type Graph, nameUnknownGroups } from './graph.ts';
import type { Inventory, InventoryGroup, InventoryHost, Origin } from './host.ts';
import { type JumpMention, settleJumps } from './jumps.ts';
import { mergeLayers, type Values } from './layers.ts';
import { collectProblems, inventoryError, type Problems, wholeFile } from './problem.ts';
import { type Surroundings, settle } from './settings.ts';
import { findSources } from './sources.ts';
import { readStructure } from './structure.ts';
import { foreignInventory, readText } from './text-file.ts';
import { readVarsFiles } from './vars-files.ts';

/** What `loadInventory` takes from the machine that it runs on, for tests and embedding. */
export interface LoadOptions {
  /** Default: the home folder of the user who runs vfleet. */
  readonly home?: string;
  /** Default: the name of the user who runs vfleet. */
  readonly user?: string;
}

/**
 * Loads an inventory: a YAML file, or a folder whose files are merged in the order of their names, with `group_vars` and
 * `host_vars` beside it. An Ansible YAML inventory is valid as it is; `ssh: { … }` and `rack` are the native spellings.
 *
 * @throws VfleetError `inventory.invalid`, with everything that is wrong, one a line; see `problemsOf`.
 * @example
 * const inventory = await loadInventory('inventory/racks.yaml');
 */
export async function loadInventory(path: string, options: LoadOptions = {}): Promise<Inventory> {
  const problems = collectProblems();
  const { files, folder } = await findSources(path, problems);
  const draft = emptyDraft(wholeFile(path));
  for (const file of files) await readInventoryFile(draft, file, problems);
  // Where a part could not be read, what is missing says nothing.
  const whole = problems.found().length === 0;
  if (whole && draft.hosts.size === 0) {
    const text = 'the inventory has no hosts; write them under all: hosts:';
    problems.add('inventory.empty', wholeFile(path), [], text);
  }
  if (whole) nameUnknownGroups(draft, problems);
  fillUngrouped(draft);
  await readVarsFiles(draft, folder, problems);
  const graph = buildGraph(draft, problems);
  if (graph === null) throw inventoryError(problems.found());
  const around: Surroundings = {
    home: options.home ?? homedir(),
    user: options.user ?? userName(),
    folder: resolve(folder),
  };
  const settled = settleHosts(draft, graph, around, problems);
  const hosts = whole ? settleJumps(settled.hosts, settled.jumps, problems) : settled.hosts;
  problems.throwIfAny();
  const rollout = Object.fromEntries([...draft.rollout].map(([key, { value }]) => [key, value]));
  return { source: path, hosts, groups: listGroups(draft, graph), rollout, warnings: problems.warnings() };
}

/** In a container the user may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

async function readInventoryFile(draft: Draft, file: string, problems: Problems): Promise<void> {
  const text = await readText(file, problems);
  if (text === null) return;
  const foreign = foreignInventory(file, text);
  if (foreign !== null) {
    problems.add('inventory.foreign', wholeFile(file), [], foreign);
    return;
  }
  const yaml = parseYaml(file, text, problems);
  if (yaml !== null) readStructure(draft, yaml, problems);
}

/** Keeps Ansible's group `ungrouped`: the hosts that are in `all` only. */
function fillUngrouped(draft: Draft): void {
  const ungrouped = groupOf(draft, 'ungrouped', wholeFile(''), ['ungrouped']);
  for (const host of draft.hosts.values()) {
    const grouped = [...host.groups].some((name) => name !== 'all' && name !== 'ungrouped');
    if (grouped) {
      host.groups.delete('ungrouped');
      ungrouped.hosts.delete(host.name);
    } else {
      host.groups.add('ungrouped');
      ungrouped.hosts.add(host.name);
    }
  }
  if (ungrouped.hosts.size > 0) return;
  draft.groups.delete('ungrouped');
  for (const group of draft.groups.values()) group.children.delete('ungrouped');
}

function settleHosts(
  draft: Draft,
  graph: Graph,
  around: Surroundings,
  problems: Problems,
): { readonly hosts: readonly InventoryHost[]; readonly jumps: ReadonlyMap<string, JumpMention> } {
  const valuesOf = mergeLayers(draft, graph);
  const jumps = new Map<string, JumpMention>();
  const nearestFirst = new Map<readonly string[], readonly string[]>();
  const hosts = [...draft.hosts.values()].map((host) => {
    const values = valuesOf(host);
    const groups = graph.groupsOf(host.groups);
    const reversed = nearestFirst.get(groups) ?? groups.toReversed();
    nearestFirst.set(groups, reversed);
    if (draft.groups.has(host.name)) problems.warn(host.place, host.path, `"${host.name}" is a host and a group`);
    const settled = settleHost(host, reversed, values, around, problems);
    const position = settled.origins['ssh.jump']?.position;
    const said = [...values.settings.values()].find((held) => held.origin.position === position)?.said;
    if (said !== undefined) jumps.set(host.name, said);
    return settled;
  });
  return { hosts, jumps };
}

function settleHost(
  host: DraftHost,
  groups: readonly string[],
  values: Values,
  around: Surroundings,
  problems: Problems,
): InventoryHost {
  const { ssh, rack, origins: settled } = settle(host.name, values.settings, around, problems);
  const vars: Record<string, unknown> = {};
  const origins: Record<string, Origin> = { ...settled };
  for (const [name, held] of values.vars) {
    vars[name] = held.value;
    origins[name] = held.origin;
  }
  return { name: host.name, rack, groups, ssh, vars, origins };
}

function listGroups(draft: Draft, graph: Graph): readonly InventoryGroup[] {
  return [...draft.groups.values()].map(({ name, hosts }) => {
    return { name, children: graph.children.get(name) ?? [], hosts: [...hosts] };
  });
}

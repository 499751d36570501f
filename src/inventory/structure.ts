import { isMap, isScalar, type Node } from 'yaml';
import { didYouMean } from '../nearest.ts';
import { type Body, emptyBody, readBody } from './body.ts';
import { type Entry, entriesOf, kindOf, MAX_DEPTH, type YamlFile } from './document.ts';
import { type Draft, type DraftGroup, groupOf, hostOf } from './draft.ts';
import { isGroupName, isHostName, splitPort } from './names.ts';
import { type Problems, positionOf } from './problem.ts';
import { expandRange, hasRange } from './range.ts';
import { readRollout, rolloutElsewhere } from './rollout.ts';

const GROUP_KEYS: readonly string[] = ['hosts', 'children', 'vars', 'ssh', 'rack'];

/** What the functions below share: the file, the draft they add to, and where they complain. */
interface Reader {
  readonly yaml: YamlFile;
  readonly draft: Draft;
  readonly problems: Problems;
}

/**
 * Reads an inventory file, a map of groups, into a draft. The form is that of Ansible's YAML inventory, with `ssh` and
 * `rack` beside `vars`. (Source: ansible-core 2.14, `plugins/inventory/yaml.py`; what it skips with a warning is a problem
 * here.)
 */
export function readStructure(draft: Draft, yaml: YamlFile, problems: Problems): void {
  const reader: Reader = { yaml, draft, problems };
  const root = yaml.follow(yaml.contents);
  if (kindOf(root) === 'nothing') return;
  if (!isMap(root)) {
    const hint = kindOf(root) === 'a list' ? '; is this a playbook?' : '';
    const text = `expected a map of groups, as "all:", found ${kindOf(root)}${hint}`;
    problems.add('inventory.type', yaml.place(root), [], text);
    return;
  }
  const entries = entriesOf(root, yaml, [], problems);
  for (const entry of entries) if (isGroupAtTop(entry, reader)) readGroup(entry, [entry.key], reader);
}

function isGroupAtTop(entry: Entry, { yaml, problems }: Reader): boolean {
  if (entry.key === '_meta') {
    const next = `convert it with \`ansible-inventory -i ${yaml.file} --list -y\``;
    const text = `the output of a dynamic inventory (_meta.hostvars) is not read; ${next}`;
    problems.add('inventory.dynamic', entry.place, [entry.key], text);
    return false;
  }
  if (entry.key === 'plugin' && isScalar(entry.value)) {
    const next = `convert it with \`ansible-inventory -i ${yaml.file} --list -y\``;
    problems.add('inventory.dynamic', entry.place, [entry.key], `an inventory plugin is not run; ${next}`);
    return false;
  }
  if (GROUP_KEYS.includes(entry.key) || entry.key === 'rollout') {
    const text = 'expected the name of a group; put this key under "all:"';
    problems.add('inventory.unknown-key', entry.place, [entry.key], text);
    return false;
  }
  return true;
}

function readGroup(entry: Entry, path: readonly string[], reader: Reader): DraftGroup | null {
  const { yaml, draft, problems } = reader;
  const { key: name, place, value } = entry;
  if (!isGroupName(name)) {
    const text = `a group name has letters, digits and _ . - + only, found ${JSON.stringify(name)}`;
    problems.add('inventory.group-name', place, path, text);
    return null;
  }
  if (path.length > MAX_DEPTH) {
    problems.add('inventory.syntax', place, path.slice(0, 8), 'nested too deep, probably an alias to itself');
    return null;
  }
  const group = groupOf(draft, name, place, path);
  // At the top of a file a name alone is a group, if an empty one; under "children" it only points to one.
  if (path.length === 1) group.defined = true;
  if (kindOf(value) === 'nothing') return group;
  group.defined = true;
  if (!isMap(value)) {
    const text = `expected a map with ${GROUP_KEYS.join(', ')}, found ${kindOf(value)}`;
    problems.add('inventory.type', yaml.place(value), path, text);
    return group;
  }
  const body = emptyBody();
  for (const section of entriesOf(value, yaml, path, problems)) {
    readSection(group, body, section, [...path, section.key], reader);
  }
  group.inline.push(body);
  return group;
}

function readSection(group: DraftGroup, body: Body, section: Entry, path: readonly string[], reader: Reader): void {
  const { yaml, problems } = reader;
  if (section.key === 'ssh' || section.key === 'rack') {
    readBody(body, [section], yaml, path.slice(0, -1), problems);
  } else if (section.key === 'rollout') {
    if (group.name === 'all') readRollout(reader.draft, section, yaml, path, problems);
    else problems.add('inventory.unknown-key', section.place, path, rolloutElsewhere);
  } else if (section.key === 'hosts') {
    for (const entry of namesIn(section, path, reader)) readHost(group, entry, [...path, entry.key], reader);
  } else if (section.key === 'children') {
    for (const entry of namesIn(section, path, reader)) {
      const child = readGroup(entry, [...path, entry.key], reader);
      if (child !== null && !group.children.has(child.name)) group.children.set(child.name, entry.place);
    }
  } else if (section.key === 'vars') {
    if (isMap(section.value)) readBody(body, entriesOf(section.value, yaml, path, problems), yaml, path, problems);
    else if (kindOf(section.value) !== 'nothing') complain(section.value, path, 'expected a map of variables', reader);
  } else {
    const isBody =
      isMap(section.value) && section.value.items.some(({ key }) => isScalar(key) && isGroupKey(key.value));
    const hint = isBody ? '; a group belongs under "children:"' : `; known are ${GROUP_KEYS.join(', ')}`;
    const text = `unknown key${didYouMean(section.key, GROUP_KEYS) || hint}`;
    problems.add('inventory.unknown-key', section.place, path, text);
  }
}

function isGroupKey(key: unknown): boolean {
  return typeof key === 'string' && GROUP_KEYS.includes(key);
}

/** The names in `hosts` or `children`: a map, or, as Ansible allows, one name as text. */
function namesIn(section: Entry, path: readonly string[], reader: Reader): readonly Entry[] {
  const { value } = section;
  if (isMap(value)) return entriesOf(value, reader.yaml, path, reader.problems);
  if (isScalar(value) && typeof value.value === 'string' && value.value !== '') {
    return [{ key: value.value, place: reader.yaml.place(value), value: null }];
  }
  if (kindOf(value) !== 'nothing') {
    complain(value, path, 'expected a map of names, each with a colon after it ("node01:")', reader);
  }
  return [];
}

function complain(node: Node | null, path: readonly string[], expected: string, { yaml, problems }: Reader): void {
  problems.add('inventory.type', yaml.place(node), path, `${expected}, found ${kindOf(node)}`);
}

function readHost(group: DraftGroup, entry: Entry, path: readonly string[], reader: Reader): void {
  const { yaml, draft, problems } = reader;
  const names = hostNames(entry, path, problems);
  if (names === null) return;
  const body = emptyBody();
  if (names.port !== null) {
    const value = { value: names.port, position: positionOf(entry.place), place: entry.place, path };
    body.settings.set('ansible_port', value);
  }
  if (isMap(entry.value)) {
    readBody(body, entriesOf(entry.value, yaml, path, problems), yaml, path, problems);
  } else if (kindOf(entry.value) !== 'nothing') {
    complain(entry.value, path, 'expected a map of variables, or nothing', reader);
  }
  for (const name of names.names) {
    const host = hostOf(draft, name, entry.place, path);
    group.hosts.add(name);
    host.groups.add(group.name);
    host.inline.push(body);
  }
}

function hostNames(
  entry: Entry,
  path: readonly string[],
  problems: Problems,
): { readonly names: readonly string[]; readonly port: number | null } | null {
  const { pattern, port } = splitPort(entry.key);
  if (port !== null && (port < 1 || port > 65535)) {
    problems.add('inventory.value', entry.place, path, `expected a port number from 1 to 65535, found ${port}`);
    return null;
  }
  const expansion = hasRange(pattern) || pattern.includes(']') ? expandRange(pattern) : null;
  if (expansion !== null && !expansion.ok) {
    const text = `bad range: expected ${expansion.expected}, found ${expansion.found}`;
    problems.add('inventory.range', entry.place, path, text);
    return null;
  }
  const names = expansion === null ? [pattern] : expansion.names;
  const bad = names.find((name) => !isHostName(name));
  if (bad === undefined) return { names, port };
  const colon = /\s/.test(bad) ? '; put each host on a line of its own, with a colon after it' : '';
  const text = `a host name has letters, digits and _ . - only, found ${JSON.stringify(bad)}${colon}`;
  problems.add('inventory.host-name', entry.place, path, text);
  return null;
}

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import type { Place, Problems } from './problem.ts';

/** A YAML file, parsed, with the position of everything in it. */
export interface YamlFile {
  readonly file: string;
  readonly contents: Node | null;
  readonly place: (node: Node | null | undefined) => Place;
  /** The node that an alias stands for; any other node is itself. */
  readonly follow: (node: unknown) => Node | null;
  /** Counts one step of reading; false when there were so many that only aliases of aliases explain it. */
  readonly step: () => boolean;
}

/** One `key: value` of a map whose keys are names. */
export interface Entry {
  readonly key: string;
  readonly place: Place;
  readonly value: Node | null;
}

/** How deep a document may nest; only an alias to what is around it goes deeper. */
export const MAX_DEPTH = 64;

const MAX_STEPS = 5_000_000;

/** Tags of Ansible; `valueOf` knows what they mean. */
const ANSIBLE_TAGS: ReadonlySet<string> = new Set(['!vault', '!vault-encrypted', '!unsafe']);

/**
 * Parses YAML 1.2, or adds every syntax error to `problems` and returns `null`. Uniqueness of keys is checked by
 * `entriesOf`, because the library's own check names one position only and compares every pair of keys.
 */
export function parseYaml(file: string, text: string, problems: Problems): YamlFile | null {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  for (const error of document.errors) problems.add('inventory.syntax', placeAt(error.pos[0]), [], syntaxText(error));
  for (const warning of document.warnings) {
    const tag = /^Unresolved tag: (.*)$/.exec(warning.message)?.[1];
    if (tag !== undefined && !ANSIBLE_TAGS.has(tag)) {
      problems.add('inventory.tag', placeAt(warning.pos[0]), [], `unknown tag ${tag}; remove it, or quote the value`);
    }
  }
  if (document.errors.length > 0) return null;
  const targets = text.includes('*') ? aliasTargets(document) : new Map<Alias, Node | null>();
  for (const [alias, target] of targets) {
    if (target !== null) continue;
    problems.add(
      'inventory.syntax',
      placeAt(alias.range?.[0] ?? 0),
      [],
      `no anchor &${alias.source} before this alias`,
    );
  }
  const follow = (node: unknown): Node | null => {
    if (isAlias(node)) return targets.get(node) ?? null;
    return isNode(node) ? node : null;
  };
  let steps = 0;
  return {
    file,
    contents: document.contents,
    place: (node) => placeAt(node?.range?.[0] ?? 0),
    follow,
    step: () => ++steps <= MAX_STEPS,
  };
}

/** What each alias stands for, in one walk: the library would walk the document once for each alias. */
function aliasTargets(document: Document.Parsed): ReadonlyMap<Alias, Node | null> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node | null>();
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) targets.set(node, anchors.get(node.source) ?? null);
      else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

/**
 * The entries of a map whose keys are names of groups, hosts or variables. Merges (`<<: *base`) are resolved: a key
 * written in the map itself goes before a merged one. A key twice and a key that is not text are problems.
 */
export function entriesOf(map: YAMLMap, yaml: YamlFile, path: readonly string[], problems: Problems): readonly Entry[] {
  const own = new Map<string, Entry>();
  const merged: Entry[] = [];
  for (const pair of map.items) {
    const key = yaml.follow(pair.key);
    const place = yaml.place(isNode(pair.key) ? pair.key : map);
    const name = isScalar(key) ? key.value : undefined;
    const value = yaml.follow(pair.value);
    if (typeof name !== 'string' || name === '') {
      problems.add('inventory.key', place, path, keyText(key));
    } else if (name === '<<') {
      merged.push(...mergedEntries(value, yaml, path, problems));
    } else if (own.has(name)) {
      const first = own.get(name)?.place;
      const at = first === undefined ? '' : `line ${first.line}, column ${first.column}`;
      problems.add('inventory.duplicate', place, [...path, name], `the same key twice, the first is at ${at}`);
    } else {
      own.set(name, { key: name, place, value });
    }
  }
  const extra = new Map<string, Entry>();
  for (const entry of merged) if (!own.has(entry.key) && !extra.has(entry.key)) extra.set(entry.key, entry);
  return extra.size === 0 ? [...own.values()] : [...extra.values(), ...own.values()];
}

function mergedEntries(value: Node | null, yaml: YamlFile, path: readonly string[], problems: Problems): Entry[] {
  const sources = isSeq(value) ? value.items.map(yaml.follow) : [value];
  return sources.flatMap((source) => {
    if (isMap(source) && path.length < MAX_DEPTH && yaml.step())
      return [...entriesOf(source, yaml, [...path, '<<'], problems)];
    problems.add('inventory.key', yaml.place(source), [...path, '<<'], 'expected a map to merge');
    return [];
  });
}

function keyText(key: Node | null): string {
  if (isMap(key) || isSeq(key)) {
    return 'expected a name as key, found a map; quote a Jinja expression: "{{ … }}"';
  }
  const source = isScalar(key) ? (key.source ?? '') : '';
  if (source === '' || !isScalar(key)) return 'expected a name as key, found none';
  const kind = key.value === null ? 'null' : `the ${typeof key.value}`;
  return `expected a name as key, found ${kind} ${source}; quote it: "${source}"`;
}

function syntaxText(error: { readonly code: string; readonly message: string }): string {
  if (error.code === 'TAB_AS_INDENT') return 'a tab as indentation; YAML allows spaces only';
  if (error.code === 'MULTIPLE_DOCS') return 'a second document begins here; an inventory file holds one';
  return `YAML: ${error.message.split('\n')[0] ?? ''}`;
}

/** What a node is, in words, for an error message. */
export function kindOf(node: Node | null): string {
  if (node === null) return 'nothing';
  if (isMap(node)) return 'a map';
  if (isSeq(node)) return 'a list';
  const value = isScalar(node) ? node.value : null;
  if (value === null) return 'nothing';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}

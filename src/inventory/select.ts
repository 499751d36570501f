import { readFileSync } from 'node:fs';
import { VfleetError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import type { Inventory, InventoryHost } from './host.ts';
import { globTest, hasGlob, parseLimit, type Subject, type Term } from './pattern.ts';
import { expandRange } from './range.ts';
import { ioReason } from './text-file.ts';

/** What `select` takes from outside of the inventory. */
export interface SelectOptions {
  /** Reads the file of an `@FILE` term. Default: from the file system, relative to the working folder. */
  readonly read?: (path: string) => string;
  /** What names the hosts, for an error message. Default: `-l`. */
  readonly option?: string;
}

/**
 * The hosts that a limit (`-l`) names, each once, in the order of the inventory; see `parseLimit` for the grammar. As in
 * Ansible the order of the terms does not matter: first all that add, then all that keep (`&`), then all that take away
 * (`!`); with none that adds, `all` is added. Several limits are one with all their terms.
 *
 * Unlike in Ansible, a glob never matches the name of the group `all`, and every term, each name of a range included, must
 * match something.
 *
 * @throws VfleetError `limit.empty` for a limit without terms or a selection without hosts, `limit.unmatched` for a term
 * that matches nothing, `limit.syntax`, `limit.file`.
 * @example
 * select(inventory, 'rack:r12:&intel:!node07');
 */
export function select(
  inventory: Inventory,
  patterns: string | readonly string[],
  options: SelectOptions = {},
): readonly InventoryHost[] {
  const limits = typeof patterns === 'string' ? [patterns] : patterns;
  const chooser = createChooser(inventory, options.read ?? ((path) => readFileSync(path, 'utf8')));
  const label = `${options.option ?? '-l'} ${JSON.stringify(limits.join(','))}`;
  const chosen = evaluate(limits.flatMap(parseLimit), label, chooser);
  if (chosen.size === 0) {
    throw new VfleetError({
      code: 'limit.empty',
      thing: label,
      expected: 'at least one host',
      found: 'none: what it adds, it also takes away',
      next: 'see the hosts with `vfleet inventory`',
    });
  }
  return inventory.hosts.filter((host) => chosen.has(host.name));
}

type Names = ReadonlySet<string>;

/** The inventory, prepared for look-ups by name. */
interface Chooser {
  readonly hosts: Names;
  readonly groups: ReadonlyMap<string, Names>;
  readonly racks: ReadonlyMap<string, Names>;
  readonly read: (path: string) => string;
}

function createChooser(inventory: Inventory, read: (path: string) => string): Chooser {
  const groups = new Map<string, Set<string>>(inventory.groups.map((group) => [group.name, new Set()]));
  const racks = new Map<string, Set<string>>();
  for (const host of inventory.hosts) {
    for (const group of host.groups) groups.get(group)?.add(host.name);
    if (host.rack === null) continue;
    const rack = racks.get(host.rack) ?? new Set();
    racks.set(host.rack, rack.add(host.name));
  }
  return { hosts: new Set(inventory.hosts.map((host) => host.name)), groups, racks, read };
}

function evaluate(terms: readonly Term[], label: string, chooser: Chooser): Set<string> {
  if (terms.length === 0) {
    throw new VfleetError({
      code: 'limit.empty',
      thing: label,
      expected: 'at least one pattern',
      found: 'none',
      next: 'name hosts, groups or racks, or write -l all for every host',
    });
  }
  const of = (mode: Term['mode']): readonly Names[] =>
    terms.filter((term) => term.mode === mode).map((term) => matches(term, label, chooser));
  const added = of('add');
  const chosen = new Set(added.length === 0 ? chooser.hosts : added.flatMap((names) => [...names]));
  for (const names of of('keep')) for (const name of chosen) if (!names.has(name)) chosen.delete(name);
  for (const names of of('drop')) for (const name of names) chosen.delete(name);
  return chosen;
}

function matches(term: Term, label: string, chooser: Chooser): Names {
  const { what } = term;
  if (what.kind === 'file') return inFile(what.path, label, chooser);
  const found = new Set<string>();
  for (const name of spelledOut(what, chooser)) {
    const names = what.kind === 'regex' ? byRegex(name, label, chooser) : byName(what.kind, name, chooser);
    if (names.size === 0) throw unmatched(term, name, label, chooser);
    for (const host of names) found.add(host);
  }
  return found;
}

/** A character of private use: in no name. */
const MARK = '\uE000';

/** The names of a subject, its ranges expanded. */
function spelledOut(what: Exclude<Subject, { kind: 'file' }>, chooser: Chooser): readonly string[] {
  if (what.kind === 'regex') return [what.source];
  const { pattern } = what;
  if (chooser.hosts.has(pattern)) return [pattern];
  // `node[01-40]` is how vfleet prints a range; as a class of characters it would have no meaning that anybody wants.
  // `[1-4]` stays a class: it may match fewer than four.
  const ranges = pattern.replaceAll(/\[([0-9]{2,})-([0-9]+)\]|\[([0-9])-([0-9]{2,})\]/g, (_, a, b, c, d) =>
    a === undefined ? `[${c}:${d}]` : `[${a}:${b}]`,
  );
  if (!/\[[A-Za-z0-9]*:[^\]]*\]/.test(ranges)) return [ranges];
  const classes: string[] = [];
  // Classes of characters wait outside while the ranges are expanded.
  const kept = ranges.replaceAll(/\[(?![A-Za-z0-9]*:)[^\]]*\]/g, (text) => `${MARK}${classes.push(text) - 1}${MARK}`);
  const expansion = expandRange(kept);
  if (!expansion.ok) {
    throw new VfleetError({
      code: 'limit.syntax',
      thing: `-l ${JSON.stringify(pattern)}`,
      expected: expansion.expected,
      found: expansion.found,
    });
  }
  const marks = new RegExp(`${MARK}([0-9]+)${MARK}`, 'gu');
  return expansion.names.map((name) => name.replaceAll(marks, (_, index) => classes[Number(index)] ?? ''));
}

function byName(kind: 'name' | 'rack', name: string, { hosts, groups, racks }: Chooser): Names {
  const among = kind === 'rack' ? racks : groups;
  // A name that is both a host and a group is the host, as in Ansible.
  if (kind === 'name' && hosts.has(name)) return new Set([name]);
  if (kind === 'name' && (name === 'all' || name === '*')) return hosts;
  if (!hasGlob(name)) return among.get(name) ?? new Set();
  return byTest(globTest(name), kind === 'rack' ? new Set() : hosts, among);
}

function byRegex(source: string, label: string, { hosts, groups }: Chooser): Names {
  try {
    const regex = new RegExp(`^(?:${source})`, 'u');
    return byTest((name) => regex.test(name), hosts, groups);
  } catch (error) {
    throw new VfleetError({
      code: 'limit.syntax',
      thing: label,
      expected: 'a regular expression after "~"',
      found: error instanceof Error ? error.message : String(error),
    });
  }
}

function byTest(test: (name: string) => boolean, hosts: Names, groups: ReadonlyMap<string, Names>): Names {
  const found = new Set<string>();
  // `a*` must not mean every host because of the group `all`.
  for (const [group, names] of groups) if (group !== 'all' && test(group)) for (const name of names) found.add(name);
  for (const name of hosts) if (test(name)) found.add(name);
  return found;
}

function inFile(path: string, label: string, chooser: Chooser): Names {
  const thing = `${label} (file ${path})`;
  let text: string;
  try {
    text = chooser.read(path);
  } catch (error) {
    throw new VfleetError({
      code: 'limit.file',
      thing,
      expected: 'a readable file',
      found: ioReason(error),
      cause: error,
    });
  }
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const terms = lines.flatMap((line) => parseLimit(line.replace(/(?:^|\s)#.*$/, '')));
  const nested = terms.find((term) => term.what.kind === 'file');
  if (nested !== undefined) {
    throw new VfleetError({
      code: 'limit.file',
      thing,
      expected: 'names and patterns',
      found: `another file: ${nested.text}`,
    });
  }
  return evaluate(terms, thing, chooser);
}

function unmatched(term: Term, name: string, label: string, chooser: Chooser): VfleetError {
  const isRack = term.what.kind === 'rack';
  const known = isRack ? chooser.racks.keys() : [...chooser.hosts, ...chooser.groups.keys()];
  const kind = isRack ? 'a rack' : 'a host or a group';
  const part = name === term.text || term.text.endsWith(name) ? '' : ` (of ${term.text})`;
  const rack = !isRack && chooser.racks.has(name) ? `, did you mean "rack:${name}"?` : '';
  const group = /^(?<base>[^[]+)\[[-0-9:]+\]$/.exec(term.what.kind === 'name' ? term.what.pattern : '')?.groups?.[
    'base'
  ];
  const index = group !== undefined && chooser.groups.has(group);
  return new VfleetError({
    code: 'limit.unmatched',
    thing: label,
    expected: `${kind} that matches "${name}"${part}`,
    found: `none${rack || didYouMean(name, known)}`,
    next: index
      ? `name hosts of the group ${group}: an index into a group is not supported`
      : 'see the names with `vfleet inventory`',
  });
}

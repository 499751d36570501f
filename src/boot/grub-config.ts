import type { BootEntry } from '../facts/facts.ts';
import { evaluateTest, type Truth, type Value } from './grub-condition.ts';
import { linuxOf } from './grub-linux.ts';
import { defaultItem, type MenuItem } from './grub-menu.ts';
import { parseGrubScript, type Statement, type Word } from './grub-script.ts';
import { type LoaderEntry, sortLoaderEntries } from './loader-entry.ts';

/** The files that make up one GRUB menu. */
export interface GrubFiles {
  /** `grub.cfg`. */
  readonly config: string;
  /** `grubenv`, whole or only its `name=value` lines; empty: there is none; `null`: it could not be read. */
  readonly environment: string | null;
  /** `custom.cfg` beside it, which `41_custom` sources. */
  readonly custom?: string | undefined;
  /** Files of `/boot/loader/entries`, which `blscfg` lists. */
  readonly entries?: readonly LoaderEntry[] | undefined;
}

/**
 * Reads a generated GRUB configuration as GRUB would run it: all its entries, those of submenus with their path as
 * the title (`Advanced options>Linux 6.1`), and the default one marked. None is marked where the default rests on
 * something that only the booting machine knows, or on a `grubenv` that could not be read. Never throws.
 */
export function parseGrubConfig(files: GrubFiles): readonly BootEntry[] {
  return runGrubConfig(files).entries.map(({ id: _, ...entry }) => entry);
}

/** The same with the ids of the entries, and with the variables as they are in the end; `null`: nobody can say. */
export function runGrubConfig(files: GrubFiles): {
  readonly entries: readonly (BootEntry & { readonly id: string | null })[];
  readonly variables: ReadonlyMap<string, string | null>;
} {
  const menu: MenuItem[] = [];
  const run: Run = { files, menu, variables: new Map(), environmentKnown: true, certain: true };
  runAll(parseGrubScript(files.config), run);
  const wanted = lookup('default', run);
  const chosen = wanted === null ? null : defaultItem(menu, wanted);
  return { entries: flatten(menu, '', chosen, run), variables: run.variables };
}

interface Run {
  readonly files: GrubFiles;
  readonly menu: MenuItem[];
  readonly variables: Map<string, Value>;
  environmentKnown: boolean;
  /** False inside a branch of which nobody can say whether it runs: what it sets is unknown from then on. */
  certain: boolean;
}

function flatten(
  menu: readonly MenuItem[],
  path: string,
  chosen: MenuItem | null,
  run: Run,
): readonly (BootEntry & { readonly id: string | null })[] {
  return menu.flatMap((item) => {
    const title = path + item.title;
    if (item.items !== null) return flatten(item.items, `${title}>`, chosen, run);
    const { id, kernel } = item;
    return [{ id, title, kernel, arguments: resolve(item.arguments, run), default: item === chosen }];
  });
}

/**
 * Puts in the variables that the configuration or `grubenv` sets: `$kernelopts` of EL8, `$tuned_params` of tuned. Entries run
 * after the whole file, so the last value counts; what is set under a condition that nobody can judge stays as it is.
 */
function resolve(line: string, run: Run): string {
  return line.replace(/\$(?:\{(\w+)\}|([A-Za-z_]\w*))/g, (whole, braced?: string, bare?: string) => {
    return run.variables.get(braced ?? bare ?? '') ?? whole;
  });
}

function runAll(statements: readonly Statement[], run: Run): void {
  for (const statement of statements) {
    if (statement.kind === 'command') runCommand(statement.words, run);
    else if (statement.kind === 'block') runBlock(statement.words, statement.body, run);
    else if (statement.kind === 'if') runIf(statement, run);
    else uncertainly(run, () => runAll(statement.body, run));
  }
}

function runCommand(words: readonly Word[], run: Run): void {
  const [name, ...rest] = words.map((word) => expand(word, run));
  if (name === 'set') rest.forEach((word, i) => assign(word, words[i + 1], run));
  else if (name === 'unset') for (const word of rest) if (word !== null) store(word, '', run);
  if (name === 'load_env') loadEnvironment(run);
  else if (name === 'blscfg') run.menu.push(...loaderItems(run));
  else if (name === 'source' || name === '.' || name === 'configfile') runCustom(rest[0] ?? '', run);
  else if (words.length === 1) assign(name ?? null, words[0], run);
}

/** `name=value`; where the value is not known, the name is still read from the text. */
function assign(value: Value, word: Word | undefined, run: Run): void {
  const text = value ?? word?.raw ?? '';
  const found = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(text);
  if (found?.[1] !== undefined) store(found[1], value === null ? null : text.slice(found[0].length), run);
}

function store(name: string, value: Value, run: Run): void {
  run.variables.set(name, run.certain ? value : null);
}

function loadEnvironment(run: Run): void {
  if (run.files.environment === null) run.environmentKnown = false;
  for (const line of run.files.environment?.split('\n') ?? []) {
    const found = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (found?.[1] !== undefined && found[2] !== undefined) store(found[1], unescape(found[2]), run);
  }
}

/** `grub-editenv` writes a backslash before backslashes and line ends (`envblk_set` in grub-core/lib/envblk.c). */
function unescape(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}

function loaderItems(run: Run): readonly MenuItem[] {
  // What names no kernel that GRUB sees is passed over.
  const entries = (run.files.entries ?? []).filter(({ image }) => image !== null);
  return sortLoaderEntries(entries, 'id').map((entry) => {
    return { title: entry.title, id: entry.id, kernel: entry.kernel, arguments: entry.arguments, items: null };
  });
}

function runCustom(path: string, run: Run): void {
  const { custom, ...others } = run.files;
  if (custom === undefined || !path.endsWith('/custom.cfg')) return;
  // Without `custom`, so that a custom.cfg that sources itself ends.
  runAll(parseGrubScript(custom), { ...run, files: others });
}

function runBlock(words: readonly Word[], body: readonly Statement[], run: Run): void {
  const name = words[0]?.raw;
  if (name !== 'menuentry' && name !== 'submenu') return;
  const { title, id } = labels(words.slice(1), run);
  if (name === 'menuentry') {
    run.menu.push({ title, id, ...linuxOf(body), items: null });
    return;
  }
  const items: MenuItem[] = [];
  // A submenu has its own variables.
  runAll(body, { ...run, menu: items, variables: new Map(run.variables) });
  run.menu.push({ title, id, kernel: null, arguments: '', items });
}

const optionsWithValue = new Set(['--class', '--users', '--hotkey', '--source', '--id', '-c', '-u', '-k', '-s', '-i']);

function labels(words: readonly Word[], run: Run): { readonly title: string; readonly id: string | null } {
  let title: string | null = null;
  let id: string | null = null;
  for (let i = 0; i < words.length; i++) {
    const raw = words[i]?.raw ?? '';
    const isId = raw === '--id' || raw === '-i' || /^\$\{?menuentry_id_option\}?$/.test(raw);
    if (isId) id = valueOf(words[++i], run);
    else if (raw.startsWith('--id=')) id = valueOf(words[i], run).slice('--id='.length);
    else if (optionsWithValue.has(raw)) i++;
    else if (!raw.startsWith('-')) title ??= valueOf(words[i], run);
  }
  return { title: title ?? '', id };
}

function valueOf(word: Word | undefined, run: Run): string {
  return word === undefined ? '' : (expand(word, run) ?? word.raw);
}

function runIf(statement: Extract<Statement, { kind: 'if' }>, run: Run): void {
  const [branch, ...others] = statement.branches;
  if (branch === undefined) {
    runAll(statement.otherwise, run);
    return;
  }
  const truth = judge(branch.condition, run);
  const rest = { ...statement, branches: others };
  if (truth === true) runAll(branch.body, run);
  else if (truth === false) runIf(rest, run);
  else
    uncertainly(run, () => {
      runAll(branch.body, run);
      runIf(rest, run);
    });
}

function uncertainly(run: Run, act: () => void): void {
  const before = run.certain;
  run.certain = false;
  act();
  run.certain = before;
}

function judge(condition: readonly Statement[], run: Run): Truth {
  const last = condition.at(-1);
  if (last?.kind !== 'command') return null;
  const words = last.words.map((word) => expand(word, run));
  if (words[0] === 'true' || words[0] === 'false') return words[0] === 'true';
  if (words[0] !== '[' && words[0] !== 'test') return null;
  return evaluateTest(words, (_flag, path) => fileThere(path, run.files));
}

function fileThere(path: string, files: GrubFiles): Truth {
  if (path.endsWith('/grubenv')) return files.environment === null ? null : files.environment !== '';
  return path.endsWith('/custom.cfg') ? files.custom !== undefined : null;
}

function expand(word: Word, run: Run): Value {
  let text = '';
  for (const part of word.parts) {
    const piece = 'text' in part ? part.text : lookup(part.variable, run);
    if (piece === null) return null;
    text += piece;
  }
  return text;
}

/** Variables that GRUB itself sets (GRUB manual, "Special environment variables"), each differently on each machine. */
const ofFirmware =
  /^(?:grub_|feature_|net_|pxe_|color_|\d|[?@#*]$|(?:prefix|root|cmdpath|lang|lockdown|shim_lock|check_signatures|smbios\w*|config_\w+)$)/;

function lookup(name: string, run: Run): Value {
  const known = run.variables.get(name);
  if (known !== undefined) return known;
  // The location is never known, but which file is meant is seen from the rest of the path.
  if (name === 'prefix' || name === 'config_directory') return `$${name}`;
  return run.environmentKnown && !ofFirmware.test(name) ? '' : null;
}

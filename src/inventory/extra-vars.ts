import { readFileSync } from 'node:fs';
import { isMap, parseDocument } from 'yaml';
import { type Entry, entriesOf, kindOf, parseYaml } from './document.ts';
import type { InventoryHost, Origin } from './host.ts';
import { collectProblems, type Place, type Problems, positionOf, wholeFile } from './problem.ts';
import { ioReason, isVaultFile } from './text-file.ts';
import { isJinja, unsupported } from './unsupported.ts';
import { valueOf } from './value.ts';

/** The variables of all `-e` arguments, merged: a later one goes before an earlier one. */
export interface ExtraVars {
  readonly vars: Readonly<Record<string, unknown>>;
  readonly origins: Readonly<Record<string, Origin>>;
}

/** What `readExtraVars` takes from outside. */
export interface ExtraVarsOptions {
  /** Reads the file of `-e @FILE`. Default: from the file system, relative to the working folder. */
  readonly read?: (path: string) => string;
}

/**
 * Reads `-e` arguments: `name=value` with the value as a YAML scalar (`true`, `3`, text; all after the first `=`, quotes
 * make it text), `{"name": …}` as JSON or YAML for anything nested, `@FILE` for a YAML or JSON file.
 *
 * @throws VfleetError `inventory.invalid` with all that is wrong, by argument or file with its position.
 */
export function readExtraVars(args: readonly string[], options: ExtraVarsOptions = {}): ExtraVars {
  const problems = collectProblems();
  const vars: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  const read = options.read ?? ((path: string) => readFileSync(path, 'utf8'));
  for (const arg of args) {
    for (const { name, value, position } of readArgument(arg, read, problems)) {
      vars[name] = value;
      origins[name] = { scope: '-e', position };
    }
  }
  problems.throwIfAny();
  return { vars, origins };
}

/** A host with extra variables laid over its own, above all precedence; origins say `-e`. */
export function withExtraVars(host: InventoryHost, extra: ExtraVars): InventoryHost {
  return { ...host, vars: { ...host.vars, ...extra.vars }, origins: { ...host.origins, ...extra.origins } };
}

interface Assignment {
  readonly name: string;
  readonly value: unknown;
  readonly position: string;
}

type Read = (path: string) => string;

function readArgument(arg: string, read: Read, problems: Problems): readonly Assignment[] {
  if (arg.startsWith('@')) return readVarsText(arg.slice(1), textOf(arg.slice(1), read, problems), problems);
  if (/^\s*[{[]/.test(arg)) return readVarsText('-e', arg, problems);
  const equals = arg.indexOf('=');
  const name = arg.slice(0, equals).trim();
  if (equals === -1 || name === '') {
    const hint = /^[./]|\.ya?ml$|\.json$/.test(arg) ? `; for a file write -e @${arg}` : '';
    const text = `expected name=value, {"name": value} or @FILE, found ${JSON.stringify(arg)}${hint}`;
    problems.add('inventory.extra-vars', wholeFile('-e'), [], text);
    return [];
  }
  if (!isUsable(name, wholeFile('-e'), problems)) return [];
  return [{ name, value: scalar(name, arg.slice(equals + 1), problems), position: '-e' }];
}

function textOf(path: string, read: Read, problems: Problems): string {
  try {
    return read(path).replace(/^\uFEFF/, '');
  } catch (error) {
    problems.add('inventory.unreadable', wholeFile(path), [], `cannot be read: ${ioReason(error)}`);
    return '';
  }
}

function readVarsText(file: string, text: string, problems: Problems): readonly Assignment[] {
  if (isVaultFile(text)) {
    problems.add('inventory.encrypted', wholeFile(file), [], 'is encrypted with ansible-vault; decrypt it first');
    return [];
  }
  const yaml = parseYaml(file, text, problems);
  const root = yaml?.follow(yaml.contents) ?? null;
  if (yaml === null || kindOf(root) === 'nothing') return [];
  if (!isMap(root)) {
    problems.add('inventory.type', yaml.place(root), [], `expected a map of variables, found ${kindOf(root)}`);
    return [];
  }
  const assign = (entry: Entry): Assignment => {
    const value = valueOf(entry.value, yaml, [entry.key], problems);
    return { name: entry.key, value, position: file === '-e' ? '-e' : positionOf(entry.place) };
  };
  return entriesOf(root, yaml, [], problems)
    .filter((entry) => isUsable(entry.key, entry.place, problems))
    .map(assign);
}

/** Log-in settings depend on each other and on the host, so they come from the inventory alone. */
function isUsable(name: string, place: Place, problems: Problems): boolean {
  if (name === 'ssh' || name === 'rack' || name.startsWith('ansible_')) {
    const text = `${name} is set in the inventory only, not with -e: write it there on a host, a group or all`;
    problems.add('inventory.extra-vars', place, [name], text);
    return false;
  }
  if (name !== '__proto__' && /^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(name)) return true;
  problems.add('inventory.extra-vars', place, [], `expected the name of a variable, found ${JSON.stringify(name)}`);
  return false;
}

function scalar(name: string, text: string, problems: Problems): unknown {
  const refuse = (message: string): null => {
    problems.add('inventory.extra-vars', wholeFile('-e'), [name], message);
    return null;
  };
  if (/^\s*[[{]/.test(text) && !isJinja(text)) {
    return refuse(`a list or a map is written as JSON around it all: -e '{"${name}": ${text.trim()}}'`);
  }
  const quoted = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')$/s.test(text);
  if (!quoted && /\s[A-Za-z_]\w*=/.test(text)) {
    return refuse(`one variable for each -e; to have all of this as the value, quote it: -e '${name}="…"'`);
  }
  if (isJinja(text)) return unsupported('jinja', '-e', text);
  // Only words and numbers have another meaning than their text: a colon or "#" in a value is just that.
  return quoted || /^[-+.\w~]+$/.test(text) ? scalarValue(text) : text;
}

function scalarValue(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0) return text;
  const value: unknown = document.toJS();
  return typeof value === 'object' && value !== null ? text : value;
}

import { grubCommands, locate, redHatCommands, silentCommands } from './grub-commands.ts';
import type { GrubFiles } from './grub-files.ts';
import type { GrubFlavour } from './grub-flavour.ts';
import { type GrubMachine, type LoadedKernel, startGrub } from './grub-machine.ts';
import { chooseEntry, type MenuEntry } from './grub-menu.ts';
import { readGrubScript, type Statement } from './grub-script.ts';
import type { Word } from './grub-word.ts';

/** How GRUB ended: with a kernel to start, or in front of its screen. */
export type GrubEnd =
  | {
      readonly kind: 'boot';
      readonly title: string;
      readonly kernel: LoadedKernel;
      readonly initrds: readonly string[];
    }
  | { readonly kind: 'stuck'; readonly reason: string };

/**
 * GRUB 2, as far as the configurations of these distributions go: reads the file that its image names, builds the menu,
 * takes the default entry, loads a kernel. It reads nothing else of the machine: `/etc/default/grub` is not known here.
 * This reading of the language is the lab's own and shares no code with `src/boot`, which it judges.
 */
export function runGrub(
  files: GrubFiles,
  first: string,
  platform: 'pc' | 'efi',
  flavour: GrubFlavour = 'upstream',
): GrubEnd {
  const machine = startGrub(files, first, platform, flavour);
  const text = files.disk.read(first);
  if (text === null) return stuck(machine, `GRUB finds no ${first}`);
  runText(machine, text);
  let menu = machine.menu;
  // A boot by itself needs a timeout that is over some time: none, or a negative one, waits for a key.
  const timeout = Number.parseInt(machine.variables.get('timeout') ?? '', 10);
  let wanted = machine.variables.get('default');
  for (let depth = 0; depth < 8; depth += 1) {
    if (machine.ended !== null) return stuck(machine, machine.ended);
    const choice = chooseEntry(menu, wanted, flavour);
    if (choice === null) return stuck(machine, 'GRUB has no menu entry and waits at its prompt');
    if (Number.isNaN(timeout) || timeout < 0) return stuck(machine, 'GRUB waits at its menu for a key: no timeout');
    machine.menu = [];
    machine.variables.delete('default');
    runEntry(machine, choice.entry, choice.rest);
    if (!choice.entry.submenu) return finish(machine, choice.entry);
    menu = machine.menu;
    wanted = machine.variables.get('default');
  }
  return stuck(machine, 'GRUB is lost in its submenus');
}

function runEntry(machine: GrubMachine, entry: MenuEntry, rest: string | null): void {
  machine.variables.set('chosen', entry.id);
  if (rest !== null) machine.variables.set('default', rest);
  runBody(machine, entry.body, [entry.title, ...entry.arguments]);
}

function finish(machine: GrubMachine, entry: MenuEntry): GrubEnd {
  if (machine.ended !== null) return stuck(machine, machine.ended);
  if (machine.kernel === null) return stuck(machine, `the entry '${entry.title}' loads no kernel`);
  return { kind: 'boot', title: entry.title, kernel: machine.kernel, initrds: machine.initrds };
}

function stuck(machine: GrubMachine, reason: string): GrubEnd {
  return { kind: 'stuck', reason: [reason, ...machine.screen.slice(-3)].join('; ') };
}

function runText(machine: GrubMachine, text: string): boolean {
  const { statements, errors } = readGrubScript(text);
  machine.screen.push(...errors.map((error) => `error: ${error}`));
  return runBody(machine, statements, []);
}

function runBody(machine: GrubMachine, body: readonly Statement[], parameters: readonly string[]): boolean {
  if (machine.depth > 32) return false;
  machine.depth += 1;
  let last = true;
  for (const statement of body) {
    if (machine.ended !== null) break;
    last = runStatement(machine, statement, parameters);
    machine.variables.set('?', last ? '0' : '1');
  }
  machine.depth -= 1;
  return last;
}

function runStatement(machine: GrubMachine, statement: Statement, parameters: readonly string[]): boolean {
  if (statement.kind === 'function') {
    machine.functions.set(statement.name, statement.body);
    return true;
  }
  if (statement.kind === 'if') {
    const branch = statement.branches.find(({ condition }) => runBody(machine, condition, parameters));
    return branch === undefined ? true : runBody(machine, branch.body, parameters);
  }
  const [name = '', ...words] = statement.words.flatMap((word) => expand(machine, word, parameters));
  return runCommand(machine, name, words, statement.block);
}

function runCommand(
  machine: GrubMachine,
  name: string,
  words: readonly string[],
  block: readonly Statement[] | null,
): boolean {
  if (name === '!') return !runCommand(machine, words[0] ?? '', words.slice(1), block);
  if (name === 'menuentry' || name === 'submenu') return addEntry(machine, name === 'submenu', words, block);
  if (name === 'normal') return readFile(machine, 'configfile', `${machine.variables.get('prefix') ?? ''}/grub.cfg`);
  if (name === 'source' || name === '.' || name === 'configfile') return readFile(machine, name, words[0] ?? '');
  const body = machine.functions.get(name);
  if (body !== undefined) return runBody(machine, body, words);
  const command = grubCommands.get(name) ?? (machine.flavour === 'redhat' ? redHatCommands.get(name) : undefined);
  if (command !== undefined) return command(machine, words);
  if (silentCommands.has(name)) return true;
  if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(name)) return runCommand(machine, 'set', [name], null);
  machine.screen.push(`error: can't find command \`${name}'.`);
  return false;
}

/** `menuentry TITLE [--class=… --users=… --id=…] [arguments] { … }` (grub-core/commands/menuentry.c). */
function addEntry(
  machine: GrubMachine,
  submenu: boolean,
  words: readonly string[],
  block: readonly Statement[] | null,
): boolean {
  const plain: string[] = [];
  let id: string | null = null;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--unrestricted') continue;
    const option = /^--(class|users|hotkey|source|id)(?:=(.*))?$/.exec(word);
    if (option === null) {
      plain.push(word);
      continue;
    }
    if (option[2] === undefined) at += 1;
    if (option[1] === 'id') id = option[2] ?? words[at] ?? '';
  }
  const [title, ...rest] = plain;
  if (title === undefined || block === null) {
    machine.screen.push('error: missing arguments or no menuentry definition.');
    return false;
  }
  machine.menu.push({ title, id: id ?? title, submenu, body: block, arguments: rest });
  return true;
}

function readFile(machine: GrubMachine, command: string, path: string): boolean {
  const at = locate(machine, path);
  const text = at === null ? null : machine.files.disk.read(at);
  if (text === null) {
    machine.screen.push(`error: file \`${path}' not found.`);
    return false;
  }
  if (command === 'configfile') {
    // A menu of its own; what was collected before is gone.
    machine.menu = [];
    machine.variables.set('config_file', path);
    machine.variables.set('config_directory', path.slice(0, path.lastIndexOf('/')));
  }
  return runText(machine, text);
}

/** The words that a word stands for: an unquoted variable is split at white space, and an empty one is no word. */
function expand(machine: GrubMachine, word: Word, parameters: readonly string[]): readonly string[] {
  const words: string[] = [];
  let current: string | null = null;
  for (const part of word) {
    if (part.kind === 'text') {
      current = (current ?? '') + part.text;
      continue;
    }
    const value = valueOf(machine, part.name, parameters);
    if (part.quoted) {
      current = (current ?? '') + value;
      continue;
    }
    const pieces = value.split(/\s+/);
    for (const [index, piece] of pieces.entries()) {
      if (index > 0 && current !== null) {
        words.push(current);
        current = null;
      }
      if (piece !== '') current = (current ?? '') + piece;
    }
  }
  if (current !== null) words.push(current);
  return words;
}

function valueOf(machine: GrubMachine, name: string, parameters: readonly string[]): string {
  if (/^\d+$/.test(name)) return parameters[Number(name) - 1] ?? '';
  if (name === '@' || name === '*') return parameters.join(' ');
  if (name === '#') return String(parameters.length);
  return machine.variables.get(name) ?? '';
}

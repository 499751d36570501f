import { importEntries } from './grub-blscfg.ts';
import { editEnvironment, readEnvironment } from './grub-environment.ts';
import type { GrubMachine } from './grub-machine.ts';
import { evaluateTest } from './grub-test.ts';

/** A command of GRUB: whether it succeeded. What it complains about goes to the screen. */
export type GrubCommand = (machine: GrubMachine, words: readonly string[]) => boolean;

/** Commands that need nothing but the machine. Source: "Commands" of the GRUB manual, and the files named. */
export const grubCommands: ReadonlyMap<string, GrubCommand> = new Map<string, GrubCommand>([
  ['set', set],
  ['export', () => true],
  ['unset', (machine, [name = '']) => machine.variables.delete(name) || true],
  ['true', () => true],
  ['false', () => false],
  ['[', (machine, words) => test(machine, words.slice(0, -1))],
  ['test', test],
  ['load_env', loadEnvironment],
  ['save_env', saveEnvironment],
  ['search', search],
  ['search.fs_uuid', (machine, [uuid = '', name = 'root']) => found(machine, name, machine.files.byUuid(uuid), uuid)],
  ['linux', linux],
  ['linux16', linux],
  ['linuxefi', linux],
  ['initrd', initrd],
  ['initrd16', initrd],
  ['initrdefi', initrd],
  ['halt', (machine) => end(machine, 'the entry halts the machine')],
  ['exit', (machine) => end(machine, 'the entry goes back to the firmware, which has nothing else to boot')],
  ['fwsetup', firmwareSetup],
  ['chainloader', (machine) => end(machine, 'the entry starts another boot loader')],
]);

/** Commands that only Red Hat's GRUB has. */
export const redHatCommands: ReadonlyMap<string, GrubCommand> = new Map<string, GrubCommand>([
  ['blscfg', importEntries],
  ['increment', (machine, words) => count(machine, words, 1)],
  ['decrement', (machine, words) => count(machine, words, -1)],
]);

/** Commands that real GRUB has and that change nothing here: pictures, fonts, modules, consoles. */
export const silentCommands: ReadonlySet<string> = new Set(
  (
    'insmod echo terminal_input terminal_output terminal serial loadfont background_image background_color play sleep ' +
    'gfxmode password password_pbkdf2 clear cpuid hwmatch keymap lsefi probe rmmod videoinfo insmod_all nativedisk'
  ).split(' '),
);

function set(machine: GrubMachine, words: readonly string[]): boolean {
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals > 0) machine.variables.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return true;
}

/** grub-core/commands/increment.c of Red Hat's GRUB. */
function count(machine: GrubMachine, [name = '', ...more]: readonly string[], by: number): boolean {
  const value = machine.variables.get(name);
  if (more.length > 0) return complain(machine, 'too many arguments');
  if (value === undefined) return complain(machine, `No such variable "${name}"`);
  const number = Number.parseInt(value, 10);
  if (Number.isNaN(number)) return complain(machine, 'unrecognized number');
  machine.variables.set(name, String(number + by));
  return true;
}

function test(machine: GrubMachine, words: readonly string[]): boolean {
  const { disk } = machine.files;
  const at = (path: string) => locate(machine, path) ?? '/nowhere';
  return evaluateTest(words, {
    exists: (path) => disk.size(at(path)) !== null || disk.isFolder(at(path)),
    isFile: (path) => disk.size(at(path)) !== null,
    isFolder: (path) => disk.isFolder(at(path)),
    isFilled: (path) => (disk.size(at(path)) ?? 0) > 0,
  });
}

/** Path in the node's tree of a path as GRUB takes it. */
export function locate(machine: GrubMachine, path: string): string | null {
  return machine.files.locate(path, machine.variables.get('root') ?? '');
}

function complain(machine: GrubMachine, text: string): false {
  machine.screen.push(`error: ${text}.`);
  return false;
}

function end(machine: GrubMachine, reason: string): boolean {
  machine.ended ??= reason;
  return true;
}

/** Whether there is one to open is asked at the top of the menu (grub-core/commands/efi/efifwsetup.c). */
function firmwareSetup(machine: GrubMachine, words: readonly string[]): boolean {
  if (words.includes('--is-supported')) return machine.variables.get('grub_platform') === 'efi';
  return end(machine, 'the entry opens the firmware setup');
}

/** The file that `--file`, `-f` or the prefix names, and the words that are no options. */
function environmentFile(machine: GrubMachine, words: readonly string[]): { path: string | null; names: string[] } {
  let named = `${machine.variables.get('prefix') ?? ''}/grubenv`;
  const names: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--file' || word === '-f') {
      at += 1;
      named = words[at] ?? '';
    } else if (!word.startsWith('-')) names.push(word);
  }
  return { path: locate(machine, named), names };
}

function loadEnvironment(machine: GrubMachine, words: readonly string[]): boolean {
  const { path, names } = environmentFile(machine, words);
  const text = path === null ? null : machine.files.disk.read(path);
  if (text === null) return complain(machine, 'file `grubenv` not found');
  const saved = readEnvironment(text);
  if (saved === null) return complain(machine, 'invalid environment block');
  for (const [name, value] of saved) if (names.length === 0 || names.includes(name)) machine.variables.set(name, value);
  return true;
}

function saveEnvironment(machine: GrubMachine, words: readonly string[]): boolean {
  const { path, names } = environmentFile(machine, words);
  const text = path === null ? null : machine.files.disk.read(path);
  if (path === null || text === null) return complain(machine, 'file `grubenv` not found');
  if (!machine.files.writable(machine.files.nameOf(path).device))
    return complain(machine, 'diskfilter writes are not supported');
  if (readEnvironment(text) === null) return complain(machine, 'invalid environment block');
  // An empty value stays as `name=`: that is how `next_entry=` looks after a one-shot boot.
  const block = names.reduce<string | null>(
    (edited, name) => (edited === null ? null : editEnvironment(edited, name, machine.variables.get(name) ?? null)),
    text,
  );
  if (block === null) return complain(machine, 'environment block too small');
  return machine.files.disk.overwrite(path, block);
}

/** `search [--no-floppy] [--fs-uuid|--file|--label] [--set=NAME] [--hint…] WHAT` (grub-core/commands/search_wrap.c). */
function search(machine: GrubMachine, words: readonly string[]): boolean {
  let name: string | null = null;
  let kind = 'file';
  let what = '';
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--fs-uuid' || word === '-u') kind = 'uuid';
    else if (word === '--file' || word === '-f') kind = 'file';
    else if (word === '--label' || word === '-l') kind = 'label';
    else if (word === '--set' || word === '-s') name = words[at + 1] ?? 'root';
    else if (word.startsWith('--set=')) name = word.slice('--set='.length);
    else if (!word.startsWith('-')) what = word;
  }
  const device = kind === 'uuid' ? machine.files.byUuid(what) : kind === 'file' ? machine.files.byFile(what) : null;
  return found(machine, name, device, what);
}

function found(machine: GrubMachine, name: string | null, device: string | null, what: string): boolean {
  if (device === null) return complain(machine, `no such device: ${what}`);
  if (name !== null) machine.variables.set(name, device);
  return true;
}

/** `grub_cmd_linux()` of grub-core/loader/i386/linux.c; the line is put together by `grub_create_loader_cmdline()`. */
function linux(machine: GrubMachine, [image = '', ...rest]: readonly string[]): boolean {
  const path = locate(machine, image);
  machine.kernel = null;
  if (path === null || machine.files.disk.size(path) === null) return complain(machine, `file \`${image}' not found`);
  machine.kernel = { path, commandLine: [`BOOT_IMAGE=${image}`, ...rest.map(quoteForKernel)].join(' ') };
  return true;
}

function initrd(machine: GrubMachine, images: readonly string[]): boolean {
  if (machine.kernel === null) return complain(machine, 'you need to load the kernel first');
  const paths: string[] = [];
  for (const image of images) {
    const path = locate(machine, image);
    if (path === null || machine.files.disk.size(path) === null) return complain(machine, `file \`${image}' not found`);
    paths.push(path);
  }
  machine.initrds = paths;
  return true;
}

/** Backslashes before quotes and backslashes; quotes around an argument with a space (grub-core/lib/cmdline.c). */
function quoteForKernel(word: string): string {
  const escaped = word.replace(/[\\'"]/g, '\\$&');
  return word.includes(' ') ? `"${escaped}"` : escaped;
}

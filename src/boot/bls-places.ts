import type { FileState } from '../resources/resource.ts';
import type { BlsFile, BlsFiles } from './bls-files.ts';
import { type BlsLine, entrySyntax, hasVariable } from './bls-line.ts';
import { lineOf } from './contradiction.ts';
import type { BootInput } from './driver.ts';
import { editCmdline } from './edit-cmdline.ts';
import { editGrubDefault } from './edit-grub-default.ts';
import type { LineToken } from './edit-line.ts';
import { editLoaderEntry } from './edit-loader-entry.ts';
import { editOptions, unsafeFile } from './edit-options.ts';
import { printEnvironment, variableOf, withVariable } from './grub-environment.ts';
import { standingTokens } from './grub-sources.ts';
import { kernelLine } from './kernel-line.ts';
import { type OwnedArguments, ownedAt, ownedSomewhere } from './owned.ts';
import { readSource } from './source-text.ts';
import { type ArgumentWish, isAbsent, missingInOrder } from './wish.ts';

export const defaultsPath = '/etc/default/grub';

/** A place of arguments, and what becomes of it. */
export interface PlaceEdit {
  readonly path: string;
  readonly before: FileState;
  readonly text: string;
  readonly after: string;
  readonly encoding: 'utf8' | 'latin1';
  /** Tokens in it that are the runner's. */
  readonly owned: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Edits every place, in the order in which they are to be written. `/etc/kernel/cmdline` comes after `/etc/default/grub`:
 * where it is the older one, `grub2-mkconfig` writes it anew (`update_bls_cmdline` in Red Hat's 10_linux.in).
 */
export function editPlaces(
  wish: ArgumentWish,
  input: BootInput,
  files: BlsFiles,
  lines: readonly BlsLine[],
): readonly PlaceEdit[] {
  const marked = wish.present.find((token) => token.includes('$'));
  if (marked !== undefined) {
    const found = 'a $, for which GRUB puts a variable into an entry';
    throw unsafeFile(marked, 'an argument that GRUB leaves as it is', found, 'leave it out');
  }
  const entries = files.entries.map((file) => editEntry(wish, input, files, file, lineAt(lines, file)));
  const chosen = lines.find((line) => line.default)?.path;
  return [
    ...editDefaults(wish, input),
    ...(files.cmdline === null ? [] : [editKernelCmdline(wish, input, files.cmdline)]),
    ...entries.filter((edit) => edit.path !== chosen),
    ...editEnvironment(wish, input, files, lines),
    ...entries.filter((edit) => edit.path === chosen),
  ];
}

function editDefaults(wish: ArgumentWish, { host, state, owned: all }: BootInput): readonly PlaceEdit[] {
  const before = state.file(defaultsPath);
  if (before.kind === 'absent') return [];
  const source = readSource(defaultsPath, before, host);
  const owned = ownedAt(all, defaultsPath);
  const edit = editGrubDefault(source, wish, { host, owned, defaults: false, dropIn: false });
  const { text, encoding } = source;
  return [{ ...edit, path: defaultsPath, before, text, after: edit.text, encoding, owned }];
}

function editKernelCmdline(wish: ArgumentWish, { owned: all }: BootInput, file: BlsFile): PlaceEdit {
  const owned = standing(ownedAt(all, file.path), kernelLine('kernel', true).tokens(file.text));
  const edit = editCmdline(file.path, file.text, wish, owned);
  return { ...edit, ...file, after: edit.text, text: file.text, encoding: 'latin1', owned };
}

/** `kernelopts`, where an entry takes its arguments from it. */
function editEnvironment(
  wish: ArgumentWish,
  { host, owned: all }: BootInput,
  { environment }: BlsFiles,
  lines: readonly BlsLine[],
): readonly PlaceEdit[] {
  if (environment === null) return [];
  const { block, ...file } = environment;
  const variable = variableOf(block, 'kernelopts', host);
  const unchanged = { ...file, after: file.text, encoding: 'latin1', added: [], removed: [], notes: [] } as const;
  if (variable === null || !lines.some((line) => hasVariable(line, 'kernelopts'))) return [{ ...unchanged, owned: [] }];
  const owned = standing(ownedAt(all, file.path), entrySyntax.tokens(variable.value));
  const edit = editOptions(file.path, [variable], wish, entrySyntax, 'grub', owned);
  const [value = ''] = edit.values;
  const after = value === variable.value ? file.text : printEnvironment(withVariable(block, 'kernelopts', value), host);
  return [{ ...unchanged, after, owned, added: edit.added, removed: edit.removed }];
}

/** An entry that takes its arguments from `kernelopts` gets none of its own. */
function editEntry(wish: ArgumentWish, input: BootInput, files: BlsFiles, file: BlsFile, line: BlsLine): PlaceEdit {
  const owned = standing(ownedIn(input.owned, file.path), line.own);
  const unchanged = {
    ...file,
    after: file.text,
    encoding: 'latin1',
    owned,
    added: [],
    removed: [],
    notes: [],
  } as const;
  if (!line.hasOptions && isFulfilled(wish, lineOf(line.tokens))) return unchanged;
  const known = files.environment && variableOf(files.environment.block, 'kernelopts', input.host);
  const elsewhere = known !== null && hasVariable(line, 'kernelopts');
  const stale = owned.filter((token) => !wish.present.includes(token));
  const { text, added, removed } = elsewhere
    ? editLoaderEntry(file.path, file.text, { ...wish, present: [] }, 'grub', stale)
    : editLoaderEntry(file.path, file.text, wish, 'grub', owned);
  return { ...unchanged, after: text, added, removed };
}

function isFulfilled(wish: ArgumentWish, line: readonly string[]): boolean {
  return missingInOrder(wish, line).length === 0 && !line.some((token) => isAbsent(wish, token));
}

/**
 * Tokens of an entry that are the runner's. One that came after the runner's last write has its arguments from
 * `/etc/kernel/cmdline`, `kernelopts` or the kernel that ran (kernel-install(8)), and so the runner's among them.
 */
function ownedIn(owned: OwnedArguments, path: string): readonly string[] {
  if (owned[path] !== undefined) return owned[path];
  const inherited = Object.entries(owned).filter(([place]) => place !== defaultsPath);
  return ownedSomewhere(Object.fromEntries(inherited));
}

/** What stands in each place, as far as anybody knows. */
export function standingInPlaces(
  { host, state }: BootInput,
  { cmdline, environment }: BlsFiles,
  lines: readonly BlsLine[],
): OwnedArguments {
  const known = (tokens: readonly LineToken[]): readonly string[] =>
    tokens.filter((token) => !token.opaque).map((token) => token.argument);
  const defaults = state.file(defaultsPath);
  const kernelopts = environment === null ? null : variableOf(environment.block, 'kernelopts', host);
  const isUsed = lines.some((line) => hasVariable(line, 'kernelopts'));
  return {
    ...(defaults.kind === 'file' && { [defaultsPath]: standingTokens(readSource(defaultsPath, defaults, host)) }),
    ...(cmdline !== null && { [cmdline.path]: known(kernelLine('kernel', true).tokens(cmdline.text)) }),
    ...(environment !== null &&
      kernelopts !== null &&
      isUsed && { [environment.path]: known(entrySyntax.tokens(kernelopts.value)) }),
    ...Object.fromEntries(lines.map((line) => [line.path, known(line.own)])),
  };
}

/** Those that stand in a place: what somebody took out is nobody's. */
function standing(
  owned: readonly string[],
  tokens: readonly { readonly argument: string; readonly opaque: boolean }[],
): readonly string[] {
  return owned.filter((token) => tokens.some(({ argument, opaque }) => !opaque && argument === token));
}

function lineAt(lines: readonly BlsLine[], { path }: BlsFile): BlsLine {
  const line = lines.find((candidate) => candidate.path === path);
  if (line === undefined) throw new Error(`${path} was not read as an entry`);
  return line;
}

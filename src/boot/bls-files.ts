import { posix } from 'node:path';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { FileState, State } from '../resources/resource.ts';
import type { BootInput } from './driver.ts';
import { hiddenLine } from './entry-pairs.ts';
import { type EnvironmentBlock, parseEnvironment } from './grub-environment.ts';

export const entriesGlob = '/boot/loader/entries/*.conf';
const environmentsOnEsp = '/boot/efi/EFI/*/grubenv';
export const cmdlinePath = '/etc/kernel/cmdline';
/** What kernel-install takes where there is no `/etc/kernel/cmdline` (kernel-install(8)). */
const vendorCmdline = '/usr/lib/kernel/cmdline';

/** A regular file, one character for each byte. */
export interface BlsFile {
  readonly path: string;
  readonly before: FileState;
  readonly text: string;
}

/** All that decides about the arguments of boot entries that GRUB's `blscfg` lists. */
export interface BlsFiles {
  readonly config: BlsFile;
  readonly environment: (BlsFile & { readonly block: EnvironmentBlock }) | null;
  /** Entries that boot a Linux kernel. `blscfg` passes over those with no `linux`. */
  readonly entries: readonly BlsFile[];
  /** `/etc/kernel/cmdline`, where it exists and says something. */
  readonly cmdline: BlsFile | null;
  /** There is one of the vendor's, which counts for new kernels then. */
  readonly vendorCmdline: boolean;
}

/** `grub.cfg`, which facts must have found. */
export function configPathOf(facts: Facts): string {
  return facts.boot.configPath ?? '/boot/grub2/grub.cfg';
}

/** Where `load_env` looks: beside `grub.cfg`. On EL8 with UEFI `/boot/grub2/grubenv` is a link into the ESP. */
export function environmentPathOf(facts: Facts): string {
  return configPathOf(facts).replace(/[^/]*$/, 'grubenv');
}

/** What is to be read for `blsFiles`. */
export function blsPaths(facts: Facts): readonly string[] {
  return [
    ...[configPathOf(facts), environmentPathOf(facts), '/boot/grub2/grubenv'],
    ...[environmentsOnEsp, entriesGlob, cmdlinePath, vendorCmdline],
  ].filter((path, index, all) => all.indexOf(path) === index);
}

/** Errors: `boot.source` for what is no regular file, is broken, or is not there. */
export function blsFiles({ facts, state, host }: BootInput): BlsFiles {
  const config = regular(configPathOf(facts), state.file(configPathOf(facts)), host);
  const entries = state.matches(entriesGlob).map((path) => regular(path, state.file(path), host));
  const linux = entries.filter((entry) => bootsLinux(entry.text));
  for (const { path, text } of linux) refuseHidden(path, text, host);
  if (linux.length === 0) {
    const found = entries.length === 0 ? 'none' : 'none with a Linux kernel';
    throw unusable(entriesGlob, 'boot entries, which blscfg lists', found, 'reinstall the kernel package', host);
  }
  const cmdline = state.file(cmdlinePath);
  const line = cmdline.kind === 'absent' ? null : regular(cmdlinePath, cmdline, host);
  return {
    config,
    environment: environmentOf(facts, state, host),
    entries: linux,
    cmdline: line?.text.trim() === '' ? null : line,
    vendorCmdline: state.file(vendorCmdline).kind !== 'absent',
  };
}

/** What GRUB does not see of an entry no edit would bring to the kernel. */
function refuseHidden(path: string, text: string, host: string): void {
  const hidden = hiddenLine(text);
  if (hidden === null) return;
  const next = 'write one space after each key, and take out empty lines and keys without a value';
  throw unusable(`${path}:${hidden.line}`, 'lines that GRUB reads', hidden.why, next, host);
}

/** Memory testers are started by `linux` too. */
export function bootsLinux(entry: string): boolean {
  const image = /^[ \t]*linux[ \t]+(\S+)/m.exec(entry)?.[1];
  return image !== undefined && !/memtest/i.test(image);
}

function environmentOf(facts: Facts, state: State, host: string): BlsFiles['environment'] {
  const named = environmentPathOf(facts);
  const path = resolved(named, state, host);
  const before = state.file(path);
  if (before.kind === 'absent') return null;
  const file = regular(path, before, host);
  return { ...file, block: parseEnvironment(path, file.text, host) };
}

/** Where a link leads, one step, to a file that was read as well: a link is never written through. */
function resolved(path: string, state: State, host: string): string {
  const file = state.file(path);
  const target = file.kind === 'other' ? /^a symbolic link to (.+)$/.exec(file.type)?.[1] : undefined;
  if (target === undefined) return path;
  const absolute = posix.resolve(posix.dirname(path), target);
  if ([...state.matches(environmentsOnEsp), '/boot/grub2/grubenv'].includes(absolute)) return absolute;
  const next = 'make it a regular file, or a link to the one on the EFI system partition';
  throw unusable(path, 'a regular file, or a link to a known place', `a link to ${target}`, next, host);
}

function regular(path: string, before: FileState, host: string): BlsFile {
  if (before.kind === 'file') return { path, before, text: before.bytes.toString('latin1') };
  const found = before.kind === 'other' ? before.type : 'no such file';
  throw unusable(path, 'a regular file', found, 'put one in its place', host);
}

function unusable(thing: string, expected: string, found: string, next: string, host: string): VfleetError {
  const advice = `${next}; nothing was changed`;
  return new VfleetError({ code: 'boot.source', host, thing, expected, found, next: advice });
}

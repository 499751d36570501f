import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { State } from '../resources/resource.ts';
import { parseArguments } from './arguments.ts';
import { type LoaderEntry, parseLoaderEntry } from './loader-entry.ts';
import { uncounted } from './systemd-menu.ts';

/** Where an EFI system partition, or an extended boot loader partition, is mounted (systemd-boot(7)). */
const mounts = ['/boot', '/boot/efi', '/efi'] as const;

/** Boot entries that systemd-boot reads. */
export const entryGlobs: readonly string[] = mounts.map((mount) => `${mount}/loader/entries/*.conf`);

/** Unified kernel images, which systemd-boot starts without any entry. */
export const imageGlobs: readonly string[] = mounts.map((mount) => `${mount}/EFI/Linux/*.efi`);

/** One entry that starts a Linux kernel of this system. `text` has one character for each byte. */
export interface SystemdEntry {
  readonly path: string;
  readonly text: string;
  readonly parsed: LoaderEntry;
}

/** What tells the entries of this system from those of another one on the same partition. */
export interface Owner {
  readonly machineId: string | null;
  /** `root=` of the kernel that runs. */
  readonly root: string | null;
}

export function ownerOf(facts: Facts): Owner {
  const root = parseArguments(facts.boot.running).find(({ name }) => name === 'root');
  return { machineId: facts.identity.machineId, root: root?.token ?? null };
}

/**
 * An entry of this system; `null` for what starts no Linux kernel (`efi /EFI/memtest86.efi`), and for the entry of another
 * installation: it has another machine id, and another root file system than the one that runs. An image that was copied
 * to many hosts may have the first alone.
 */
export function readEntry(path: string, text: string, owner: Owner): SystemdEntry | null {
  if (!/^[ \t]*linux[ \t]/m.test(text)) return null;
  const parsed = parseLoaderEntry(uncounted(path.slice(path.lastIndexOf('/') + 1)), text, 'systemd-boot');
  const machine = /^[ \t]*machine-id[ \t]+(\S+)/m.exec(text)?.[1];
  const otherMachine = machine !== undefined && owner.machineId !== null && machine !== owner.machineId;
  const roots = parseArguments(parsed.arguments).filter(({ name }) => name === 'root');
  const otherRoot = owner.root !== null && roots.every(({ token }) => token !== owner.root);
  return otherMachine && otherRoot ? null : { path, text, parsed };
}

/**
 * The entries of this system. An entry that boots by default is written last, so that it stays bootable until another one
 * has the new arguments. Errors: `boot.source`.
 */
export function readEntries(state: State, facts: Facts): readonly SystemdEntry[] {
  const owner = ownerOf(facts);
  const entries = entryGlobs
    .flatMap((glob) => state.matches(glob))
    .flatMap((path) => {
      const file = state.file(path);
      if (file.kind !== 'file') throw unreadable(path, file.kind === 'other' ? file.type : 'no such file');
      const text = file.bytes.toString('latin1');
      if (/^[ \t]*uki(?:-url)?[ \t]/m.test(text)) throw unified([path]);
      return readEntry(path, text, owner) ?? [];
    });
  const chosen = facts.boot.entries?.find((entry) => entry.default);
  const isDefault = ({ parsed }: SystemdEntry): boolean =>
    parsed.title === chosen?.title && parsed.arguments === chosen.arguments;
  return [...entries.filter((entry) => !isDefault(entry)), ...entries.filter(isDefault)];
}

/**
 * What ownership goes by: systemd-boot counts boots in the name of an entry (`ID+3.conf`, `ID+2-1.conf`), and
 * systemd-bless-boot.service(8) takes the count off.
 */
export function placeOf(path: string): string {
  return path.replace(/\+\d+(?:-\d+)?(?=\.conf$)/, '');
}

/** A unified kernel image, whose arguments are inside it. */
export function unified(paths: readonly string[]): VfleetError {
  return new VfleetError({
    code: 'boot.unified',
    thing: 'the kernel arguments of systemd-boot',
    expected: 'boot entries whose options are text (loader/entries/*.conf)',
    found: `unified kernel images, which hold their arguments inside: ${paths.join(', ')}`,
    next: 'put the arguments into /etc/kernel/cmdline and build the images anew (kernel-install add-all, dracut --uefi or ukify), then run `vfleet verify`; nothing was changed',
  });
}

function unreadable(path: string, found: string): VfleetError {
  return new VfleetError({
    code: 'boot.source',
    thing: path,
    expected: 'a regular file',
    found,
    next: 'replace it by a file; nothing was changed',
  });
}

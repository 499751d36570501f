import { VfleetError } from '../errors.ts';
import type { State } from '../resources/resource.ts';
import type { ConfiguredFile } from './driver.ts';
import { editCmdline } from './edit-cmdline.ts';
import { editLoaderEntry } from './edit-loader-entry.ts';
import { anywhere, type OwnedArguments, ownedAt } from './owned.ts';
import { placeOf, type SystemdEntry } from './systemd-entries.ts';
import type { ArgumentWish } from './wish.ts';

/** From which kernel-install(8) makes the entry of a kernel that is installed later. */
export const cmdline = '/etc/kernel/cmdline';

/** One place where arguments stand, as it was and as it should be. */
export interface Edited {
  readonly place: string;
  readonly file: ConfiguredFile;
  readonly changed: boolean;
  readonly owned: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly notes: readonly string[];
}

/** One boot entry. */
export function editEntry(entry: SystemdEntry, state: State, wish: ArgumentWish, all: OwnedArguments): Edited {
  const { path, text } = entry;
  const place = placeOf(path);
  const owned = ownedIn(place, all);
  const edit = editLoaderEntry(path, text, wish, 'systemd-boot', owned);
  const file = { path, before: state.file(path), after: edit.text, encoding: 'latin1' } as const;
  return { ...edit, place, file, changed: edit.text !== text, owned };
}

/** `/etc/kernel/cmdline`. Errors: `boot.source` where it is no regular file. */
export function editConfigured(state: State, wish: ArgumentWish, all: OwnedArguments): Edited {
  const before = state.file(cmdline);
  if (before.kind !== 'file') throw noFile(before.kind === 'other' ? before.type : 'nothing');
  const text = before.bytes.toString('latin1');
  const owned = ownedIn(cmdline, all);
  const edit = editCmdline(cmdline, text, wish, owned);
  const file = { path: cmdline, before, after: edit.text, encoding: 'latin1' } as const;
  return { ...edit, place: cmdline, file, changed: edit.text !== text, owned };
}

/**
 * Tokens that are the runner's in one place. The entry of a kernel that was installed since was made by kernel-install from
 * `/etc/kernel/cmdline`, or without that from the command line that ran: what is the runner's there is so in it as well.
 */
function ownedIn(place: string, all: OwnedArguments): readonly string[] {
  if (all[place] !== undefined || all[anywhere] !== undefined) return ownedAt(all, place);
  if (all[cmdline] !== undefined) return all[cmdline];
  const [first = [], ...others] = Object.values(all);
  return place === cmdline ? [] : first.filter((token) => others.every((tokens) => tokens.includes(token)));
}

function noFile(found: string): VfleetError {
  return new VfleetError({
    code: 'boot.source',
    thing: cmdline,
    expected: 'a regular file',
    found,
    next: 'replace it by a file with the arguments on one line; nothing was changed',
  });
}

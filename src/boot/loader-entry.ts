import { type EntryReader, entryPairs } from './entry-pairs.ts';
import { compareReleases, releaseOfImage } from './release.ts';

/**
 * One file of `loader/entries` (the Boot Loader Specification, type 1). `kernel` is the release that it boots, `arguments` its
 * `options`, variables not resolved.
 */
export interface LoaderEntry {
  /** Name of the file without `.conf`: what `saved_entry` names. */
  readonly id: string;
  readonly title: string;
  readonly version: string | null;
  /** The Linux kernel that it starts; `null`: none that its reader finds. */
  readonly image: string | null;
  readonly kernel: string | null;
  readonly arguments: string;
}

/**
 * Reads one entry file as GRUB or systemd-boot does: of several lines with one key the first counts to GRUB, of `options`
 * too; to systemd-boot the last one, and all `options`. A key that is not known is passed over.
 */
export function parseLoaderEntry(id: string, text: string, reader: EntryReader = 'grub'): LoaderEntry {
  const pairs = entryPairs(text, reader);
  const all = (key: string) => pairs.filter(([name]) => name === key).map(([, value]) => value);
  const one = (key: string) => (reader === 'grub' ? all(key)[0] : all(key).at(-1)) ?? null;
  const image = one('linux');
  const version = one('version');
  return {
    id,
    title: one('title') ?? id,
    version,
    image,
    kernel: (image === null ? null : releaseOfImage(image)) ?? (isRelease(version) ? version : null),
    arguments: reader === 'grub' ? (one('options') ?? '') : all('options').join(' '),
  };
}

/** Newest first, as GRUB's `blscfg` lists them. */
export function sortLoaderEntries(entries: readonly LoaderEntry[], by: 'id' | 'version'): readonly LoaderEntry[] {
  const key = (entry: LoaderEntry) => (by === 'version' ? (entry.version ?? entry.id) : entry.id);
  return [...entries].sort((a, b) => compareReleases(key(b), key(a)) || (a.id < b.id ? 1 : -1));
}

/** `version` is free text in the specification; ostree writes a plain number. */
function isRelease(version: string | null): version is string {
  return version !== null && /^\d+\.\d+.*-/.test(version);
}

import { compareReleases, releaseOfImage } from './release.ts';

/**
 * One file of `loader/entries` (the Boot Loader Specification, type 1). `kernel` is the release that it boots, `arguments` its
 * `options` lines, joined, variables not resolved.
 */
export interface LoaderEntry {
  /** Name of the file without `.conf`: what `saved_entry` and `loader.conf` name. */
  readonly id: string;
  readonly title: string;
  readonly version: string | null;
  readonly kernel: string | null;
  readonly arguments: string;
}

/**
 * Reads one entry file. A key that is not known is passed over, as the specification asks. systemd-boot takes off quotes around
 * a whole value (`line_get_key_value` in src/boot/efi-string.c); GRUB does not.
 */
export function parseLoaderEntry(id: string, text: string, reader: 'grub' | 'systemd-boot' = 'grub'): LoaderEntry {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const found = /^\s*([a-z][a-z-]*)\s+(.*?)\s*$/.exec(line);
    if (found?.[1] === undefined || found[2] === undefined) continue;
    values.set(found[1], [...(values.get(found[1]) ?? []), found[2]]);
  }
  const image = values.get('linux')?.[0] ?? null;
  const version = values.get('version')?.[0] ?? null;
  return {
    id,
    title: values.get('title')?.[0] ?? id,
    version,
    kernel: (image === null ? null : releaseOfImage(image)) ?? (isRelease(version) ? version : null),
    arguments: (values.get('options') ?? []).map((value) => (reader === 'grub' ? value : unquoted(value))).join(' '),
  };
}

function unquoted(value: string): string {
  return /^(["'])[^]*\1$/.test(value) && value.length > 1 ? value.slice(1, -1) : value;
}

/** Newest first, as GRUB's `blscfg` and systemd-boot list them. */
export function sortLoaderEntries(entries: readonly LoaderEntry[], by: 'id' | 'version'): readonly LoaderEntry[] {
  const key = (entry: LoaderEntry) => (by === 'version' ? (entry.version ?? entry.id) : entry.id);
  return [...entries].sort((a, b) => compareReleases(key(b), key(a)) || (a.id < b.id ? 1 : -1));
}

/** `version` is free text in the specification; ostree writes a plain number. */
function isRelease(version: string | null): version is string {
  return version !== null && /^\d+\.\d+.*-/.test(version);
}

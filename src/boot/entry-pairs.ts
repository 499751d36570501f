/** A key of a boot entry with its value. */
export type EntryPair = readonly [key: string, value: string];

/** Who reads an entry: GRUB by its command `blscfg`, or systemd-boot. */
export type EntryReader = 'grub' | 'systemd-boot';

/** Keys and values of a boot entry (the Boot Loader Specification, type 1), as whoever boots it reads them. */
export function entryPairs(text: string, reader: EntryReader): readonly EntryPair[] {
  return reader === 'grub' ? grubPairs(text).pairs : systemdPairs(text);
}

/**
 * What GRUB reads, which ends at the first line with no value, an empty one among them; a key ends at the first blank, and
 * only where there is none at the first tab (`bls_get_val`, `read_entry` in grub-core/commands/blscfg.c of Red Hat's GRUB).
 * `stop`: number of the line at which it ends; `null`: all is read.
 */
function grubPairs(text: string): { readonly pairs: readonly EntryPair[]; readonly stop: number | null } {
  const pairs: EntryPair[] = [];
  const lines = text.replaceAll('\r', '').replace(/\n$/, '').split('\n');
  for (const [index, line] of lines.entries()) {
    const rest = line.replace(/^[ \t]+/, '');
    if (rest.startsWith('#')) continue;
    const [, key, value] = (rest.includes(' ') ? /^([^ ]*) (.+)$/ : /^([^\t]*)\t(.+)$/).exec(rest) ?? [];
    if (key === undefined || value === undefined) return { pairs, stop: index + 1 };
    pairs.push([key, value.trim()]);
  }
  return { pairs, stop: null };
}

/** A line that GRUB does not read, although it is there: its number, and why. */
export interface HiddenLine {
  readonly line: number;
  readonly why: string;
}

/** Why GRUB sees no `linux` or no `options` where there is one; `null`: it does, or there is none. */
export function hiddenLine(text: string): HiddenLine | null {
  return hiddenFromGrub(text, 'linux') ?? hiddenFromGrub(text, 'options');
}

function hiddenFromGrub(text: string, key: 'linux' | 'options'): HiddenLine | null {
  const { pairs, stop } = grubPairs(text);
  if (pairs.some(([name]) => name === key)) return null;
  const lines = text.split('\n');
  const at = lines.findIndex((line) => new RegExp(`^[ \\t]*${key}[ \\t]`).test(line));
  if (at < 0) return null;
  if (stop === null || at + 1 < stop) return { line: at + 1, why: `a tab after ${key}, which hides it from GRUB` };
  const cause = (lines[stop - 1] ?? '').trim() === '' ? 'an empty line' : 'a line without a value';
  return { line: stop, why: `${cause}, where GRUB stops reading, before ${key}` };
}

/** systemd-boot takes off quotes around a whole value (`line_get_key_value` in src/boot/efi-string.c). */
function systemdPairs(text: string): readonly EntryPair[] {
  return text.split(/[\n\r]/).flatMap((line) => {
    const [, key, value] = /^[ \t]*([^\s#]\S*)[ \t]+(.*?)[ \t]*$/.exec(line) ?? [];
    if (key === undefined || value === undefined || value === '') return [];
    const isEnclosed = value.length > 1 && /^(["'])[^]*\1$/.test(value);
    return [[key, isEnclosed ? value.slice(1, -1) : value]] as const;
  });
}

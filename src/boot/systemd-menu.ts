import { entryPairs } from './entry-pairs.ts';
import { type LoaderEntry, parseLoaderEntry } from './loader-entry.ts';
import { compareVersions } from './version-order.ts';

/** A file of `loader/entries`. */
export interface MenuFile {
  /** With `.conf`, and the counter of boots, if it has one. */
  readonly name: string;
  readonly text: string;
  /** What it starts is not there; what nobody has looked for counts as there. */
  readonly missing?: boolean;
}

/** What decides about the place of an entry in the menu. */
interface Rank {
  readonly entry: LoaderEntry;
  /** Name of the file in lower case, `.conf`, counter and all: what patterns are about. */
  readonly id: string;
  readonly sortKey: string;
  readonly machineId: string;
  readonly version: string;
  /** Boots that are left to it and that it had; `null`: they are not counted. */
  readonly tries: { readonly left: number; readonly done: number } | null;
}

/**
 * The menu of systemd-boot, from top to bottom, and which entry boots by itself; -1: none that can be told. `pattern` is
 * `default` of `loader.conf`; `machine` what `uname -m` says. What starts nothing that is there, or is for another machine,
 * is not offered (`config_load_entries`, `config_select_default_entry` in src/boot/efi/boot.c of systemd).
 */
export function systemdMenu(
  files: readonly MenuFile[],
  pattern: string | null,
  machine: string,
): { readonly entries: readonly LoaderEntry[]; readonly chosen: number } {
  const ranks = files.flatMap((file) => rankOf(file, machine) ?? []).sort(compareRanks);
  const entries = ranks.map(({ entry }) => entry);
  // Such as @saved: what was booted last.
  if (pattern?.startsWith('@')) return { entries, chosen: -1 };
  const matcher = pattern === null ? null : matcherOf(pattern);
  const named = matcher === null ? -1 : ranks.findIndex(({ id }) => matcher.test(id));
  return { entries, chosen: Math.max(0, named) };
}

/** `default` of `loader.conf`: the last one counts. */
export function defaultPattern(conf: string): string | null {
  return entryPairs(conf, 'systemd-boot').findLast(([key]) => key === 'default')?.[1] ?? null;
}

/** Without the counter of boots and `.conf` (systemd.io/AUTOMATIC_BOOT_ASSESSMENT). */
export function uncounted(name: string): string {
  return name.replace(/(?:\+\d+(?:-\d+)?)?\.conf$/i, '');
}

/** What `architecture` says, by `uname -m` (the Boot Loader Specification). */
const architectures: Readonly<Record<string, string>> = {
  ...{ x86_64: 'x64', aarch64: 'aa64', i686: 'ia32', riscv64: 'riscv64', loongarch64: 'loongarch64' },
};

function rankOf({ name, text, missing }: MenuFile, machine: string): Rank | null {
  const pairs = entryPairs(text, 'systemd-boot');
  const last = (key: string) => pairs.findLast(([found]) => found === key)?.[1] ?? '';
  const own = architectures[machine];
  const isOther = pairs.some(([key, value]) => key === 'architecture' && own !== undefined && value !== own);
  const isEmpty = !pairs.some(([key]) => key === 'linux' || key === 'efi');
  if (missing === true || isOther || isEmpty || /^auto-/i.test(name)) return null;
  const counter = /\+(\d+)(?:-(\d+))?\.conf$/i.exec(name);
  return {
    entry: parseLoaderEntry(uncounted(name), text, 'systemd-boot'),
    id: name.toLowerCase(),
    sortKey: last('sort-key'),
    machineId: last('machine-id'),
    version: last('version'),
    tries: counter === null ? null : { left: Number(counter[1]), done: Number(counter[2] ?? 0) },
  };
}

/** `config_entry_compare`: what has no boots left goes last; with a `sort-key`, newest first, before those without. */
function compareRanks(a: Rank, b: Rank): number {
  return (
    Number(a.tries?.left === 0) - Number(b.tries?.left === 0) ||
    Number(a.sortKey === '') - Number(b.sortKey === '') ||
    (a.sortKey === '' ? 0 : compareKeyed(a, b)) ||
    compareVersions(b.id, a.id) ||
    (a.tries === null || b.tries === null ? 0 : b.tries.left - a.tries.left || a.tries.done - b.tries.done)
  );
}

function compareKeyed(a: Rank, b: Rank): number {
  const byText = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
  return byText(a.sortKey, b.sortKey) || byText(a.machineId, b.machineId) || compareVersions(b.version, a.version);
}

/**
 * loader.conf(5): `*`, `?` and sets with ranges over the whole id, whatever the case; sets cannot be negated (`efi_fnmatch` in
 * src/boot/efi/efi-string.c).
 */
function matcherOf(pattern: string): RegExp {
  const parts = pattern.toLowerCase().match(/\\[^]|\[\]?[^\]]*\]|[^]/g) ?? [];
  const source = parts.map((part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    if (part.startsWith('[') && part.length > 1) return `[${part.slice(1, -1).replace(/[^]-[^]|[^]/g, setItem)}]`;
    return escaped(part.length > 1 ? part.slice(1) : part);
  });
  return new RegExp(`^${source.join('')}$`, 's');
}

function setItem(item: string): string {
  if (item.length === 1) return escaped(item);
  const [from = '', , to = ''] = item;
  return from > to ? '' : `${escaped(from)}-${escaped(to)}`;
}

function escaped(text: string): string {
  return text.replace(/[^a-z0-9]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

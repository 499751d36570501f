import { type BootEntry, readBootEntries, readPairs } from './boot-entry.ts';
import { readKernelImage } from './boot-images.ts';
import { readCommandLine, valuesOf } from './command-line.ts';
import type { Disk } from './disk.ts';
import { type EfiVariables, removeVariable } from './efi-variables.ts';
import { findOnPartition } from './esp.ts';
import { file } from './layout.ts';
import type { LoaderEnd } from './loader-end.ts';

const binaries = ['EFI/systemd/systemd-bootx64.efi', 'EFI/BOOT/BOOTX64.EFI'];

/**
 * systemd-boot(7) on one EFI system partition, of systemd 252: the newest entry, or what `loader.conf` or a stored variable
 * names; the kernel's own stub then loads what `initrd=` names from the same partition.
 */
export function runSystemdBoot(disk: Disk, partition: string, stored: EfiVariables): LoaderEnd {
  const binary = binaries.map((path) => findOnPartition(disk, partition, path)).find((path) => path !== null);
  const info = /#### LoaderInfo: (systemd-boot .*) ####/.exec(disk.read(binary ?? '') ?? '')?.[1];
  if (info === undefined) return stuck(`no boot loader on ${partition}`);
  const entries = readBootEntries(disk, partition);
  if (stored.has('LoaderEntryOneShot')) removeVariable(disk, 'LoaderEntryOneShot');
  const entry = choose(entries, stored, configuredDefault(disk, partition));
  if (entry === undefined)
    return stuck('No loader found. Configuration files in \\loader\\entries\\*.conf are needed.');
  const counted = countDown(disk, entry);
  if (readKernelImage(disk.read(entry.image) ?? '') === null) return stuck(`Error loading ${entry.image}: Unsupported`);
  const images = valuesOf(readCommandLine(entry.options), 'initrd');
  const initrds = images.map((path) => findOnPartition(disk, partition, path));
  if (initrds.includes(null)) return stuck(`EFI stub: ERROR: Failed to load initrd: ${images.join(', ')}`);
  return {
    kind: 'kernel',
    path: entry.image,
    commandLine: entry.options,
    initrds: initrds.filter((path) => path !== null),
    variables: new Map([
      ...[...stored].filter(([name]) => name !== 'LoaderEntryOneShot'),
      ['LoaderInfo', info],
      ['LoaderEntrySelected', entry.id],
      ['LoaderEntries', entries.map(({ id }) => id).join('\0')],
    ]),
    counted,
  };
}

function stuck(reason: string): LoaderEnd {
  return { kind: 'stuck', reason: `systemd-boot: ${reason}` };
}

/** The last `default` line counts. */
function configuredDefault(disk: Disk, partition: string): string | undefined {
  const path = findOnPartition(disk, partition, 'loader/loader.conf');
  const pairs = readPairs((path === null ? null : disk.read(path)) ?? '');
  return pairs.findLast(([key]) => key === 'default')?.[1];
}

/** `config_select_default_entry()`: what names nothing is passed over; the first entry is the last resort. */
function choose(
  entries: readonly BootEntry[],
  stored: EfiVariables,
  configured: string | undefined,
): BootEntry | undefined {
  const wanted = [stored.get('LoaderEntryOneShot'), stored.get('LoaderEntryDefault'), configured];
  for (const pattern of wanted) {
    const matches = pattern === undefined ? null : glob(pattern.toLowerCase());
    const found = matches === null ? undefined : entries.find(({ id }) => matches.test(id));
    if (found !== undefined) return found;
  }
  return entries[0];
}

/** `?`, `*` and `[a-z]` over the whole id, `.conf` included (loader.conf(5)). */
function glob(pattern: string): RegExp {
  const parts = pattern.match(/\[[^\]]+\]|\*|\?|[^]/g) ?? [];
  const source = parts.map((part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return part.length > 1 ? `[${part.slice(1, -1).replace(/[\\^\]]/g, '\\$&')}]` : part.replace(/\W/g, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`);
}

/** `config_entry_bump_counters()`: one try less is written into the name before the kernel starts. */
function countDown(disk: Disk, entry: BootEntry): string | null {
  const { tries, path } = entry;
  if (tries === null || tries.left === 0) return null;
  const base = path.replace(/\+\d+(?:-\d+)?\.conf$/i, '');
  const next = `${base}+${tries.left - 1}-${tries.done + 1}.conf`;
  rename(disk, path, next);
  return next;
}

/** systemd-bless-boot.service(8): the boot was good, and the entry is no longer counted. */
export function blessEntry(disk: Disk, path: string): void {
  rename(disk, path, path.replace(/\+\d+-\d+\.conf$/, '.conf'));
}

function rename(disk: Disk, from: string, to: string): void {
  const text = disk.read(from);
  if (text === null || from === to) return;
  disk.lay(new Map([[to, file(text)]]));
  disk.remove(from);
}

import type { BootEntry, Facts } from '../facts/facts.ts';
import { parseArguments } from './arguments.ts';

/**
 * Entries of this system's kernels, and the default one: neither other systems, nor rescue and recovery entries, take part
 * in its settings. `null`: they could not be read.
 */
export function ownEntries({ boot, kernel }: Pick<Facts, 'boot' | 'kernel'>): readonly BootEntry[] | null {
  const { installed } = kernel;
  const isOwn = (entry: BootEntry) =>
    entry.kernel !== null && (installed.length === 0 || installed.includes(entry.kernel));
  // The other deployments of an ostree system stay as they are, to roll back to.
  if (boot.loader === 'ostree') return boot.entries?.filter((entry) => entry.default) ?? null;
  return boot.entries?.filter((entry) => entry.default || (isOwn(entry) && !isRecovery(entry))) ?? null;
}

/** Recovery entries leave `GRUB_CMDLINE_LINUX_DEFAULT` out (`10_linux` of GRUB), and run no guests. */
function isRecovery(entry: BootEntry): boolean {
  return parseArguments(entry.arguments).some(({ token }) => token === 'single' || token === 'recovery');
}

/** Entries whose titles tell them apart: several with one title get the kernel beside it, as systemd-boot shows them. */
export function distinctEntries(entries: readonly BootEntry[]): readonly BootEntry[] {
  const isShared = ({ title }: BootEntry): boolean => entries.filter((other) => other.title === title).length > 1;
  return entries.map((entry) =>
    isShared(entry) && entry.kernel !== null ? { ...entry, title: `${entry.title} (${entry.kernel})` } : entry,
  );
}

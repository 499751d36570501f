import type { BootEntry } from '../facts/facts.ts';
import { parseArgument } from './arguments.ts';
import {
  type BootView,
  type Gap,
  gap,
  type Stages,
  type Truth,
  type TruthContext,
  titleOf,
  tokensOf,
} from './truth-stage.ts';

/**
 * Why what the default entry says does not run: it is another entry that was booted, another loader or file, or nothing
 * was booted since.
 */
export function bootedCause(truth: Truth, { facts }: Stages, { rebooted }: TruthContext): Gap {
  const { configPath } = facts.boot;
  const where = configPath ?? 'the boot configuration';
  const chosen = facts.boot.entries?.find((entry) => entry.default);
  const booted = bootedEntry(facts);
  if (booted !== null && chosen !== undefined && booted !== chosen) {
    const found = `${titleOf(booted)} was booted, and not the default entry ${titleOf(chosen)}: chosen at the menu, for one boot (grub-reboot), or by a saved_entry`;
    const next = rebooted
      ? `look what chooses the entry (\`grub-editenv list\`, \`bootctl\`)`
      : 'reboot the host; if it comes back the same, look what chooses the entry (`grub-editenv list`, `bootctl`)';
    return gap('other-entry', found, next);
  }
  if (rebooted) {
    const found = `${entriesText(truth)} right, and it has booted since: the firmware started another loader, another disk or another file than ${where}, or it was changed at the menu`;
    return gap('other-loader', found, 'look what the firmware starts (`efibootmgr -v`, the boot order, the network)');
  }
  const found = `${entriesText(truth)} right, but the system was booted before that, or by another loader than that of ${where}`;
  return gap(
    'reboot-due',
    found,
    'reboot the host; if that brings nothing, look what the firmware starts (`efibootmgr -v`)',
  );
}

function entriesText({ entries }: Truth): string {
  const having = (entries ?? []).filter((entry) => entry.has).length;
  return having === entries?.length ? 'every boot entry is' : 'the default boot entry is';
}

/** The boot entry from which the running system was started, as far as kernel and arguments tell; `null`: none, or several. */
function bootedEntry({ boot, kernel }: BootView): BootEntry | null {
  const running = significant(boot.running);
  const same = (boot.entries ?? []).filter(
    (entry) => (entry.kernel === null || entry.kernel === kernel.running) && significant(entry.arguments) === running,
  );
  // Two entries of one kernel with the same arguments are one to the kernel.
  return same.find((entry) => entry.default) ?? same[0] ?? null;
}

/** What an entry and the kernel's command line share: the loader adds the image. */
function significant(line: string): string {
  return tokensOf(line)
    .filter((token) => !['BOOT_IMAGE', 'initrd'].includes(parseArgument(token).name) && !token.startsWith('$'))
    .join(' ');
}

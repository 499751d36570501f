import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { joinScripts, raw, type Script, sh } from '../shell/script.ts';
import { parseArguments } from './arguments.ts';
import type { BootDriver, BootInput, BootPlan } from './driver.ts';
import { parseEntryMounts, printEntryMounts, refuseUnreadEntries } from './entry-mounts.ts';
import { parseLoaderEntry } from './loader-entry.ts';
import { cmdline, type Edited, editConfigured, editEntry } from './systemd-edits.ts';
import { entryGlobs, imageGlobs, placeOf, readEntries, type SystemdEntry, unified } from './systemd-entries.ts';
import { judge, readBack } from './systemd-read-back.ts';
import type { ArgumentWish } from './wish.ts';

/**
 * systemd-boot: arguments stand in every entry of `loader/entries`, which are edited as files, and in `/etc/kernel/cmdline`,
 * from which kernel-install(8) makes the entry of a kernel that is installed later. Unified kernel images are refused.
 */
export const systemdBoot: BootDriver = {
  loader: 'systemd-boot',
  generates: false,
  read: () => ({ files: [...entryGlobs, cmdline], probes: { around: aroundProbe(), mounts: printEntryMounts() } }),
  plan,
  standing: ({ facts, state }) => {
    const configured = state.file(cmdline);
    const entries = readEntries(state, facts).map(({ path, text }) => [placeOf(path), tokensOf(argumentsOf(text))]);
    const line = configured.kind === 'file' ? configured.bytes.toString('latin1') : '';
    return { ...Object.fromEntries(entries), ...(line !== '' && { [cmdline]: tokensOf(line) }) };
  },
  // The entries are the files themselves; that they are on disk is all there is to do.
  regenerate: () => sh`
for folder in /boot/loader/entries /boot/efi/loader/entries /efi/loader/entries; do
  if [ -d "$folder" ]; then sync -f "$folder" || sync; fi
done`,
  readBack,
  judgeReadBack: judge,
};

/** What an entry gives to the kernel. */
function argumentsOf(text: string): string {
  return parseLoaderEntry('', text, 'systemd-boot').arguments;
}

function tokensOf(line: string): readonly string[] {
  return parseArguments(line).map((argument) => argument.token);
}

function plan(wish: ArgumentWish, { facts, state, owned }: BootInput): BootPlan {
  const around = state
    .probe('around')
    .stdout.split('\n')
    .filter((line) => line !== '');
  const images = around.filter((line) => line.startsWith('/'));
  const mounts = parseEntryMounts(state.probe('mounts').stdout);
  refuseUnreadEntries(images, mounts);
  if (images.length > 0) throw unified(images);
  const entries = readEntries(state, facts);
  if (entries.length === 0) throw noEntries(facts);
  refuseUnreadEntries(
    entries.map(({ path }) => path),
    mounts,
  );
  const configured = state.file(cmdline);
  const edits = [
    ...(configured.kind === 'absent' ? [] : [editConfigured(state, wish, owned)]),
    ...entries.map((entry) => editEntry(entry, state, wish, owned)),
  ];
  const changed = edits.filter((edit) => edit.changed);
  const written = changed.filter(({ place }) => place !== cmdline);
  const added = union(edits.map((edit) => edit.added));
  const removed = union(edits.map((edit) => edit.removed));
  if (around.includes('kernelstub') && written.length > 0) throw ofKernelstub(added, removed);
  return {
    files: changed.map((edit) => edit.file),
    ownedTokens: Object.fromEntries(
      edits.map((edit) => [edit.place, wish.present.filter((token) => [...edit.owned, ...edit.added].includes(token))]),
    ),
    added,
    removed,
    outdated: false,
    notes: [
      ...union(edits.map((edit) => edit.notes)),
      ...(changed.length > 0 && configured.kind === 'absent' ? laterKernels(around) : []),
      ...(changed.length > 0 && around.includes('cmdline.d') ? [noteOnFolder] : []),
      ...powerNotes(written, entries),
    ],
    line: null,
  };
}

/** What kernel-install(8) takes for a kernel that is installed before the reboot. */
function laterKernels(around: readonly string[]): readonly string[] {
  if (around.includes('vendor-cmdline')) {
    return [
      `${cmdline} does not exist: a kernel that is installed later gets the arguments of /usr/lib/kernel/cmdline, without these`,
    ];
  }
  if (!around.includes('kernel-install')) return [];
  return [
    `${cmdline} does not exist: a kernel that is installed later gets the arguments of the kernel that runs then, so install none before the reboot`,
  ];
}

const noteOnFolder =
  '/etc/kernel/cmdline.d holds arguments too, which kernel-install does not read; they are left as they are';

/** A rename on vfat is no single write to the disk. */
function powerNotes(written: readonly Edited[], entries: readonly SystemdEntry[]): readonly string[] {
  if (written.length === 0) return [];
  const rest =
    entries.length > 1
      ? 'the other entries stay bootable, and the default one is written last'
      : 'there is no other entry to boot then';
  return [`power lost in the moment in which an entry on the EFI system partition is replaced may damage it; ${rest}`];
}

/** What there is beside the entries that decides about them. */
function aroundProbe(): Script {
  return joinScripts([
    sh`
if [ -e /etc/kernelstub/configuration ] && command -v kernelstub >/dev/null 2>&1; then echo kernelstub; fi
if command -v kernel-install >/dev/null 2>&1; then echo kernel-install; fi
if [ -e /usr/lib/kernel/cmdline ]; then echo vendor-cmdline; fi
for file in /etc/kernel/cmdline.d/*.conf; do if [ -s "$file" ]; then echo cmdline.d; break; fi; done`,
    ...imageGlobs.map((glob) => sh`for file in ${raw(glob)}; do if [ -f "$file" ]; then echo "$file"; fi; done`),
  ]);
}

function union(lists: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(lists.flat())];
}

function noEntries({ boot }: Facts): VfleetError {
  return new VfleetError({
    code: 'boot.source',
    thing: 'the boot entries of systemd-boot',
    expected: 'files in loader/entries below /boot, /boot/efi or /efi that start a kernel of this system',
    found: `none (${boot.loaderEvidence})`,
    next: 'mount the EFI system partition, and look at `bootctl list`; nothing was changed',
  });
}

/** kernelstub writes its entries anew at every kernel and every initramfs, from its own configuration. */
function ofKernelstub(added: readonly string[], removed: readonly string[]): VfleetError {
  const flags = [
    ...(added.length > 0 ? [`--add-options "${added.join(' ')}"`] : []),
    ...(removed.length > 0 ? [`--delete-options "${removed.join(' ')}"`] : []),
  ];
  return new VfleetError({
    code: 'boot.unsupported',
    thing: 'the boot entries of systemd-boot',
    expected: 'entries that stay as they are written',
    found: 'kernelstub, which writes them anew from /etc/kernelstub/configuration',
    next: `run \`kernelstub ${flags.join(' ')}\` on the host, then apply again; nothing was changed`,
  });
}

import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { State } from '../resources/resource.ts';
import { type Script, sh } from '../shell/script.ts';
import { parseArguments } from './arguments.ts';
import type { BootDriver, BootInput, BootPlan } from './driver.ts';
import { editCmdline } from './edit-cmdline.ts';
import { ownedAt } from './owned.ts';
import { espList, printEsps } from './print-esps.ts';
import { writeProxmoxEntries } from './proxmox-entries.ts';
import { judgeEsp, type ProxmoxEsp, parseEsps } from './proxmox-esp.ts';
import { updateGrub } from './update-grub.ts';
import type { ArgumentWish } from './wish.ts';

const cmdline = '/etc/kernel/cmdline';

/**
 * Hosts whose EFI system partitions proxmox-boot-tool keeps (Proxmox VE, "Host Bootloader"): either systemd-boot starts them,
 * with the arguments of the first line of `/etc/kernel/cmdline`, or GRUB, with those of `/etc/default/grub`; what is edited
 * in the place of the other has no effect. What is configured comes into the entries of all partitions as `writeProxmoxEntries` tells.
 */
export const proxmoxBootTool: BootDriver = {
  loader: 'proxmox-boot-tool',
  generates: true,
  read: (facts) => {
    const grub = updateGrub.read(facts);
    return {
      files: [cmdline, ...(grub.files ?? [])],
      probes: { ...grub.probes, esps: printEsps(), loader: loaderProbe },
    };
  },
  plan,
  standing: (input) => {
    const { facts, state } = input;
    const starter = starterOf(facts, state, parseEsps(state.probe('esps').stdout));
    if (starter === 'grub') return updateGrub.standing?.(input) ?? {};
    const file = state.file(cmdline);
    return { [cmdline]: file.kind === 'file' ? tokensOf(file.bytes.toString('latin1')) : [] };
  },
  regenerate: () => whileUnread(writeProxmoxEntries()),
  readBack: () => sh`section boot-entries
${printEsps()}`,
  judgeReadBack: (text, effect) => judge(parseEsps(text), effect),
};

/** The EFI variable in which systemd-boot, and GRUB since 2.12, name themselves: UTF-16 behind four bytes. */
const loaderProbe = sh`
for variable in /sys/firmware/efi/efivars/LoaderInfo-*; do
  if [ -r "$variable" ]; then tail -c +5 "$variable" | tr -cd ' -~'; fi
done`;

/**
 * Runs a script while no other run of ours reads the partitions: one that is mounted read-only cannot be mounted writable.
 * proxmox-boot-tool itself knows no lock.
 */
function whileUnread(script: Script): Script {
  return sh`
(
exec 9<${espList}
if command -v flock >/dev/null 2>&1 && ! flock -w 60 9; then
  echo 'the EFI system partitions are being read by another run' >&2; exit 75
fi
${script}
)`;
}

function plan(wish: ArgumentWish, input: BootInput): BootPlan {
  const esps = parseEsps(input.state.probe('esps').stdout);
  const starter = starterOf(input.facts, input.state, esps);
  refuseNone(esps, input.host);
  const base = starter === 'grub' ? updateGrub.plan(wish, input) : planCmdline(wish, input);
  const outdated = esps.some((esp) => esp.kind !== 'unreadable' && judgeEsp(esp, wish).length > 0);
  const due = base.files.length > 0 || outdated;
  return { ...base, outdated, notes: [...base.notes, ...(due ? powerNotes(esps, starter) : [])] };
}

function planCmdline(wish: ArgumentWish, { host, state, owned: all }: BootInput): BootPlan {
  const before = state.file(cmdline);
  if (before.kind !== 'file') throw noCmdline(before.kind === 'other' ? before.type : 'no such file', host);
  const text = before.bytes.toString('latin1');
  const [first = ''] = text.split('\n');
  if (!/(?:^|\s)root=/.test(first)) throw noRoot(first, host);
  const owned = ownedAt(all, cmdline);
  const { text: after, added, removed, notes } = editCmdline(cmdline, text, wish, owned);
  return {
    files: after === text ? [] : [{ path: cmdline, before, after, encoding: 'latin1' }],
    ownedTokens: { [cmdline]: wish.present.filter((token) => owned.includes(token) || added.includes(token)) },
    added,
    removed,
    notes,
    line: tokensOf(after),
    lineIn: cmdline,
  };
}

/** Those of the first line, which is all that the tool reads. */
function tokensOf(text: string): readonly string[] {
  return parseArguments(text.split('\n')[0] ?? '').map((argument) => argument.token);
}

type Starter = 'systemd-boot' | 'grub';

interface Sign {
  readonly says: Starter;
  /** For people. */
  readonly seen: string;
}

/** Which boot loader starts this host, by all that tells. Errors: `boot.contradictory`. */
function starterOf(facts: Facts, state: State, esps: readonly ProxmoxEsp[]): Starter {
  const info = state.probe('loader').stdout.trim();
  const { running } = facts.boot;
  const signs: readonly Sign[] = [
    ...(facts.firmware.kind === 'bios' ? [sign('grub', 'no UEFI')] : []),
    ...(/^systemd-boot/.test(info) ? [sign('systemd-boot', `EFI variable LoaderInfo: ${info}`)] : []),
    ...(/^GRUB/i.test(info) ? [sign('grub', `EFI variable LoaderInfo: ${info}`)] : []),
    ...(/(?:^| )BOOT_IMAGE=/.test(running) ? [sign('grub', 'BOOT_IMAGE= on the running command line')] : []),
    ...(/(?:^| )initrd=\\EFI\\/i.test(running)
      ? [sign('systemd-boot', 'initrd=\\EFI\\… on the running command line')]
      : []),
    ...esps.flatMap(({ uuid, kind }) =>
      kind === 'grub' || kind === 'systemd-boot' ? [sign(kind, `ESP ${uuid} is set up for it`)] : [],
    ),
  ];
  const [first] = signs;
  if (first !== undefined && signs.every(({ says }) => says === first.says)) return first.says;
  throw contradictory(signs);
}

function sign(says: Starter, seen: string): Sign {
  return { says, seen };
}

function judge(esps: readonly ProxmoxEsp[], wish: ArgumentWish): readonly string[] {
  if (esps.every(({ kind }) => kind === 'absent')) return ['none of the listed EFI system partitions could be read'];
  return esps.flatMap((esp) => judgeEsp(esp, wish));
}

/**
 * Entries of systemd-boot are replaced one by one. All else the tool writes in place, one partition after the other, and the
 * firmware does not go on to another partition when a file on the first one is in pieces.
 */
function powerNotes(esps: readonly ProxmoxEsp[], starter: Starter): readonly string[] {
  const gone = esps.filter(({ kind }) => kind === 'absent').map(({ uuid }) => uuid);
  const files =
    starter === 'grub' ? 'grub.cfg, and with a new initramfs that image,' : 'a new initramfs, where one is due,';
  return [
    ...(esps.length > gone.length
      ? [
          `proxmox-boot-tool writes ${files} in place on one EFI system partition after the other: power lost meanwhile may leave a host that boots only from another partition or kernel, chosen by hand`,
        ]
      : []),
    ...gone.map((uuid) => `ESP ${uuid} is listed and not there; \`proxmox-boot-tool clean\` takes it off the list`),
  ];
}

function contradictory(signs: readonly Sign[]): VfleetError {
  return new VfleetError({
    code: 'boot.contradictory',
    thing: 'the boot loader of this Proxmox host',
    expected: 'signs of either systemd-boot or GRUB',
    found: signs.length === 0 ? 'none' : signs.map(({ says, seen }) => `${says} (${seen})`).join(', '),
    next: 'look at `proxmox-boot-tool status`, and set all EFI system partitions up alike (proxmox-boot-tool reinit); nothing was changed',
  });
}

/** Without a partition that can be read, nothing tells what a refresh would leave. Errors: `boot.source`. */
function refuseNone(esps: readonly ProxmoxEsp[], host: string): void {
  if (esps.some(({ kind }) => kind === 'systemd-boot' || kind === 'grub')) return;
  const found = esps.map(({ uuid, kind, why }) => `ESP ${uuid} ${kind === 'absent' ? 'is not there' : why}`);
  const init = 'set one up with `proxmox-boot-tool init PARTITION`';
  throw new VfleetError({
    code: 'boot.source',
    host,
    thing: espList,
    expected: 'an EFI system partition that can be read, for the boot entries',
    found: found.length === 0 ? 'none in the list' : found.join(', '),
    next: `${found.length === 0 ? init : `look at \`proxmox-boot-tool status\`, or ${init}`}; nothing was changed`,
  });
}

function noCmdline(found: string, host: string): VfleetError {
  return new VfleetError({
    code: 'boot.source',
    host,
    thing: cmdline,
    expected: 'a file with the arguments that proxmox-boot-tool writes into every entry',
    found,
    next: `write the arguments of /proc/cmdline into it, without initrd=, and run \`proxmox-boot-tool refresh\`; nothing was changed`,
  });
}

/** The tool stops then (`update_esps` in zz-proxmox-boot). */
function noRoot(first: string, host: string): VfleetError {
  return new VfleetError({
    code: 'boot.source',
    host,
    thing: `${cmdline}:1`,
    expected: 'all arguments on the first line, root= among them, as proxmox-boot-tool reads no other',
    found: first.trim() === '' ? 'an empty line' : first,
    next: 'put all arguments on the first line; nothing was changed',
  });
}

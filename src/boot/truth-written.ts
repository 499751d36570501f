import { compareReleases } from './release.ts';
import { isGenerated } from './truth-places.ts';
import {
  type EntryTruth,
  type Gap,
  gap,
  isFulfilled,
  type Stages,
  type Truth,
  type TruthContext,
  titleOf,
} from './truth-stage.ts';
import type { ArgumentWish } from './wish.ts';

const applyIt = 'run `vfleet apply` with the playbook that wants it so';

/** Why what is configured and what the boot entries say differ, or either from what is wanted. */
export function writtenGaps(
  truth: Truth,
  stages: Stages,
  wish: ArgumentWish | null,
  context: TruthContext = {},
): readonly Gap[] {
  const generated = isGenerated(stages.facts.boot);
  if (truth.entries !== null && wish === null && (truth.configured ?? []).length === 0)
    return unasked(truth, stages, context);
  if (generated && wish !== null && !isConfigured(truth, stages, wish))
    return [notConfigured(truth, stages, wish, context)];
  if (truth.entries === null) return wish === null ? [] : [unknownEntries(stages)];
  if (!generated) return [...fileGaps(truth, stages, wish, context), ...laterGaps(stages, wish)];
  const lacking = truth.entries.filter((entry) => !entry.has);
  if (lacking.length === 0) return [];
  if (lacking.length < truth.entries.length) return [someEntries(truth, lacking, true)];
  return [stages.configured === null ? noEntry(truth, stages, wish) : notGenerated(truth, stages)];
}

function unknownEntries({ facts }: Stages): Gap {
  const { loader } = facts.boot;
  const found = `the boot entries of ${loader} could not be read: what the next boot has is not known`;
  const next =
    loader === 'proxmox-boot-tool'
      ? 'look at the entries on each ESP (`proxmox-boot-tool status` names them)'
      : 'log in as root, or let vfleet elevate: ssh: { elevate: sudo }';
  return gap('unknown', found, next);
}

/** Where boot entries are files of their own, and what is configured is for others only. */
function fileGaps(truth: Truth, stages: Stages, wish: ArgumentWish | null, context: TruthContext): readonly Gap[] {
  const entries = truth.entries ?? [];
  const lacking = entries.filter((entry) => !entry.has);
  const isThere = entries.some((entry) => entry.tokens.length > 0);
  if (wish === null && !isThere && entries.length > 0) return [noEntry(truth, stages, wish)];
  if (lacking.length === 0) return [];
  if (lacking.length < entries.length) return [someEntries(truth, lacking, false)];
  if (wish !== null && wish.present.length > 0 && truth.runs) return [runningOnly(truth, stages, applyIt, context)];
  return [noEntry(truth, stages, wish)];
}

/** `kernel-install` takes the arguments of a kernel that is installed later from one file, where that is there. */
function laterGaps({ configured }: Stages, wish: ArgumentWish | null): readonly Gap[] {
  const later = configured?.tokens.filter(({ place }) => place.startsWith('/etc/kernel/cmdline')) ?? [];
  if (wish === null || later.length === 0) return [];
  const line = later.map(({ token }) => token);
  if (isFulfilled(wish, line)) return [];
  const verb = wish.absent.length > 0 ? 'still has it' : 'lacks it';
  const found = `a kernel that is installed later takes its arguments from ${later[0]?.place}, which ${verb}`;
  return [gap('later-kernels', found, applyIt)];
}

/** Whether a wish is configured. Where only the boot loader's tool knows, the entries that it has made tell. */
function isConfigured(truth: Truth, { configured }: Stages, wish: ArgumentWish): boolean {
  if (configured === null) return true;
  if (
    isFulfilled(
      wish,
      configured.tokens.map(({ token }) => token),
    )
  )
    return true;
  const isSilent = (truth.configured ?? []).length === 0;
  return configured.isOpen && isSilent && truth.entries?.some((entry) => entry.has) === true;
}

function notConfigured(truth: Truth, stages: Stages, wish: ArgumentWish, context: TruthContext): Gap {
  const { facts, configured } = stages;
  const { loader, configPath } = facts.boot;
  const there = (truth.configured ?? []).map(({ token, place }) => `${token} in ${place}`).join(', ');
  if (wish.absent.length > 0)
    return gap('still-configured', `it is configured: ${there}`, `take it out there, or ${applyIt}`);
  const unread = configured?.unread.find(({ token }) => wish.present.includes(token));
  if (unread !== undefined)
    return gap(
      'not-read',
      `${unread.place} has ${unread.token}, but the entries of ${loader} are not made from that file`,
      applyIt,
    );
  const instead = there === '' ? 'no file configures it' : `configured is ${there}`;
  if (truth.entries?.some((entry) => entry.has) === true) {
    const found = `${instead}: the entries in ${configPath} lose it when they are generated anew`;
    return gap('entries-only', found, applyIt);
  }
  if (truth.runs && isTakenOut(truth, context)) return takenOut(applyIt);
  if (truth.runs) return gap('running-only', `${instead}, and no boot entry has it: lost at the next boot`, applyIt);
  return gap('not-configured', instead, applyIt);
}

/** Nobody wants it and no file configures it, but it is there. */
function unasked(truth: Truth, stages: Stages, context: TruthContext): readonly Gap[] {
  const { configured, facts, entries } = stages;
  const having = (truth.entries ?? []).filter((entry) => entry.tokens.length > 0);
  const unresolved = variableIn((entries ?? []).map((entry) => entry.arguments));
  if (having.length === 0) {
    if (truth.running.length === 0) return [];
    if (isTakenOut(truth, context)) return [takenOut('reboot the host')];
    if (unresolved !== null) return [ofVariable(unresolved)];
    return [runningOnly(truth, stages, 'add it to a playbook, if it is to stay', context)];
  }
  const isMixed = having.length < (truth.entries ?? []).length;
  const mixed = isMixed
    ? [
        someEntries(
          truth,
          (truth.entries ?? []).filter((entry) => !entry.has),
          false,
        ),
      ]
    : [];
  if (!isGenerated(facts.boot) || configured === null) return mixed;
  if (configured.isOpen) {
    const variable = variableIn((facts.boot.configured ?? []).map(({ value }) => value));
    return variable === null ? mixed : [ofVariable(variable), ...mixed];
  }
  const found = `no file configures it, only entries in ${facts.boot.configPath} have it: set by grubby or by hand, and lost when they are generated anew`;
  return [gap('entries-only', found, 'add it to GRUB_CMDLINE_LINUX in /etc/default/grub, if it is to stay'), ...mixed];
}

function runningOnly(truth: Truth, { facts }: Stages, next: string, context: TruthContext): Gap {
  if (isTakenOut(truth, context)) return takenOut(next);
  const where = facts.boot.configPath ?? 'the boot configuration';
  const found = `it runs, but no entry in ${where} has it: typed at the menu, or taken out since by something else; lost at the next boot`;
  return gap('running-only', found, next);
}

/** Whether what runs is what the record of vfleet says it has taken out. */
function isTakenOut({ running }: Truth, { takenOut: tokens = [] }: TruthContext): boolean {
  return running.length > 0 && running.every((token) => tokens.includes(token));
}

function takenOut(next: string): Gap {
  const found =
    'it was configured when the host booted, and vfleet has taken it out since (undo, restore): it runs until a reboot, which is due';
  return gap('taken-out', found, next);
}

/** The first variable of another program's, tuned's before others: `$tuned_params`. */
function variableIn(texts: readonly string[]): string | null {
  if (texts.some((text) => text.includes('tuned_params'))) return '$tuned_params';
  const found = texts.map((text) => /\$\{?(?!GRUB_|vt_handoff)([A-Za-z_]\w*)/.exec(text)?.[1]);
  const name = found.find((one) => one !== undefined);
  return name === undefined ? null : `$${name}`;
}

function ofVariable(variable: string): Gap {
  const isTuned = variable === '$tuned_params';
  const found = `no file configures it by name: it may come from ${variable}, which ${isTuned ? 'tuned' : 'another program'} sets`;
  const next = isTuned
    ? 'look with `tuned-adm active`, and into /etc/tuned/bootcmdline'
    : 'look what sets that variable, in grubenv for one';
  return gap('other-variable', found, next);
}

function someEntries(truth: Truth, lacking: readonly EntryTruth[], generated: boolean): Gap {
  const having = (truth.entries ?? []).filter((entry) => entry.has);
  const titles = lacking.map(titleOf).join(', ');
  const next = generated ? `generate the entries anew: ${applyIt}` : applyIt;
  const newest = having.map((entry) => entry.kernel ?? '').sort(compareReleases);
  if (lacking.every(({ kernel }) => kernel !== null && compareReleases(kernel, newest.at(-1) ?? '') > 0)) {
    const found = `only older kernels have it so: ${titles} was installed since, with arguments from elsewhere`;
    return gap('newer-kernel', found, next);
  }
  const isOne = having.length === 1 && having[0]?.default === true;
  const how = isOne ? ', as `grubby --update-kernel=DEFAULT` leaves it' : '';
  return gap('some-entries', `not so in ${titles}${how}: what boots decides what runs`, next);
}

/** Where entries are files of their own, or what is configured is not known. */
function noEntry(truth: Truth, { facts }: Stages, wish: ArgumentWish | null): Gap {
  const { configPath, loader } = facts.boot;
  const all = wish !== null && wish.absent.length > 0 ? 'every boot entry still has it' : 'no boot entry has it so';
  const [place] = truth.configured ?? [];
  if (place === undefined) return gap('not-configured', `${all} (${configPath ?? loader})`, applyIt);
  const found = `${place.place} has ${place.token}, but entries of ${loader} are not generated from it: ${all}`;
  return gap('not-generated', found, applyIt);
}

/** It is configured, and no entry shows it. */
function notGenerated(truth: Truth, { facts }: Stages): Gap {
  const { configPath, loader, loaderEvidence } = facts.boot;
  const where = configPath ?? 'the boot configuration';
  if (truth.runs && truth.running.length > 0) {
    const found = `it is configured and runs, but no entry in ${where} has it so: another file is generated and booted (${loaderEvidence})`;
    const next = 'look which file the firmware starts (`efibootmgr -v`), and which one is generated';
    return gap('not-generated', found, next);
  }
  const stub = loaderEvidence.includes('stub') ? `, for one the stub on the ESP (${loaderEvidence})` : '';
  const found = `it is configured so, and the entries in ${where} are otherwise: not generated since, or into another file${stub}`;
  return gap('not-generated', found, `generate them anew (${toolOf(loader, where)}), or ${applyIt}`);
}

function toolOf(loader: string, path: string): string {
  if (loader === 'update-grub') return 'update-grub';
  return loader === 'proxmox-boot-tool' ? 'proxmox-boot-tool refresh' : `grub2-mkconfig -o ${path}`;
}

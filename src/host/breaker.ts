import { createHash } from 'node:crypto';
import { leftoverArguments, parseArguments } from '../boot/arguments.ts';
import { ownedSomewhere } from '../boot/owned.ts';
import { missingInOrder } from '../boot/wish.ts';
import type { Facts } from '../facts/facts.ts';
import type { FailedReboot, HostRecord } from './record.ts';

/** What a reboot is for: what must run afterwards, some of it literally, and what must not. */
export interface Goal extends Pick<FailedReboot, 'present' | 'absent'> {
  readonly exact?: readonly string[] | undefined;
}

const nothing: Goal = { present: [], absent: [] };

/** As many as anybody looks at: goals that playbooks take turns with. */
const kept = 8;

/** Whether a goal runs now: judged as the wish is, or what is in order for the one would be due again for the other. */
export function isReached(goal: Goal, { boot }: Pick<Facts, 'boot'>): boolean {
  const { present, absent } = unreached(goal, { boot });
  return present.length + absent.length === 0;
}

/** What of a goal does not run now. */
export function unreached(goal: Goal, { boot }: Pick<Facts, 'boot'>): Goal {
  const tokens = parseArguments(boot.running).map((argument) => argument.token);
  return { present: missingInOrder(goal, tokens), absent: leftoverArguments(goal.absent, boot.running) };
}

/**
 * What a playbook wishes for of all that a reboot is for, and the rest, which other playbooks have left due: what of that was in
 * vain is theirs to fail for.
 */
export function partsOf(goal: Goal, wish: Goal = nothing): { readonly own: Goal; readonly others: Goal } {
  const part = (isIn: (wished: readonly string[], one: string) => boolean): Goal => {
    const present = goal.present.filter((token) => isIn(wish.present, token));
    const exact = (goal.exact ?? []).filter((token) => present.includes(token));
    const absent = goal.absent.filter((name) => isIn(wish.absent, name));
    return { present, absent, ...(exact.length > 0 && { exact }) };
  };
  return { own: part((wished, one) => wished.includes(one)), others: part((wished, one) => !wished.includes(one)) };
}

/** The reboots in vain that were for something of a goal. */
export function failedReboots({ failedReboots: all = [] }: HostRecord, goal: Goal): readonly FailedReboot[] {
  return all.filter((failed) => isAbout(goal, failed));
}

/** Whether two goals have something in common. */
export function isAbout(goal: Goal, other: Goal): boolean {
  return (
    goal.present.some((token) => other.present.includes(token)) ||
    goal.absent.some((name) => other.absent.includes(name))
  );
}

/** Names of the playbooks whose arguments a goal is about. */
export function ownersOf({ ownedArguments }: HostRecord, { present }: Goal): readonly string[] {
  return Object.entries(ownedArguments).flatMap(([playbook, owned]) =>
    ownedSomewhere(owned).some((token) => present.includes(token)) ? [playbook] : [],
  );
}

/** Reasons of a reboot that were none of those that were in vain. */
export function ownReasons(reason: string, inVain: readonly FailedReboot[]): readonly string[] {
  const known = inVain.flatMap((failed) => failed.reason.split('; '));
  return reason.split('; ').filter((part) => !known.includes(part));
}

/** Digest of what is written to the boot entries, the order and the default among it: what differs is progress. */
export function entriesDigest({ entries, configPath }: Pick<Facts['boot'], 'entries' | 'configPath'>): string {
  const written = entries?.map((entry) => [entry.title, entry.arguments, entry.default]) ?? null;
  return createHash('sha256')
    .update(JSON.stringify([configPath, written]))
    .digest('hex');
}

/** The record with a reboot that was in vain; an earlier one for the same goal is forgotten. */
export function withFailure(
  record: HostRecord,
  { present, absent, exact = [] }: Goal,
  { reason, entries }: Pick<FailedReboot, 'reason' | 'entries'>,
): HostRecord {
  const failed = { present, absent, ...(exact.length > 0 && { exact }), reason, entries };
  return { ...record, failedReboots: [...others(record, failed), failed].slice(-kept) };
}

/** The record without the failures whose goals run now. */
export function withoutReached(record: HostRecord, facts: Pick<Facts, 'boot'>): HostRecord {
  const { failedReboots: all = [], ...rest } = record;
  const left = all.filter((failed) => !isReached(failed, facts));
  return left.length === 0 ? rest : { ...rest, failedReboots: left };
}

function others({ failedReboots = [] }: HostRecord, goal: Goal): readonly FailedReboot[] {
  return failedReboots.filter((failed) => keyOf(failed) !== keyOf(goal));
}

function keyOf({ present, absent }: Goal): string {
  return JSON.stringify([present, absent].map((names) => [...new Set(names)].sort()));
}

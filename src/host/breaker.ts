import { createHash } from 'node:crypto';
import { leftoverArguments, parseArguments } from '../boot/arguments.ts';
import { missingInOrder } from '../boot/wish.ts';
import type { Facts } from '../facts/facts.ts';
import type { FailedReboot, HostRecord } from './record.ts';

/** What a reboot is for: what must run afterwards, some of it literally, and what must not. */
export interface Goal extends Pick<FailedReboot, 'present' | 'absent'> {
  readonly exact?: readonly string[] | undefined;
}

/** As many as anybody looks at: goals that playbooks take turns with. */
const kept = 8;

/** Whether a goal runs now: judged as the wish is, or what is in order for the one would be due again for the other. */
export function isReached(goal: Goal, { boot }: Pick<Facts, 'boot'>): boolean {
  const tokens = parseArguments(boot.running).map((argument) => argument.token);
  return missingInOrder(goal, tokens).length === 0 && leftoverArguments(goal.absent, boot.running).length === 0;
}

/** The reboot that was in vain for the same goal; the order in which it is named does not matter. */
export function failedReboot({ failedReboots = [] }: HostRecord, goal: Goal): FailedReboot | undefined {
  return failedReboots.find((failed) => keyOf(failed) === keyOf(goal));
}

/** Digest of what is written to the boot entries, the order and the default among it: what differs is progress. */
export function entriesDigest({ entries, configPath }: Pick<Facts['boot'], 'entries' | 'configPath'>): string {
  const written = entries?.map((entry) => [entry.title, entry.arguments, entry.default]) ?? null;
  return createHash('sha256')
    .update(JSON.stringify([configPath, written]))
    .digest('hex');
}

/** The record with a reboot that was in vain; an earlier one for the same goal is forgotten. */
export function withFailure(record: HostRecord, { present, absent }: Goal, entries: string): HostRecord {
  const failed = { present, absent, entries };
  return { ...record, failedReboots: [...others(record, failed), failed].slice(-kept) };
}

/** The record of a host on which a goal runs. */
export function withoutFailure(record: HostRecord, goal: Goal): HostRecord {
  const { failedReboots: _, ...rest } = record;
  const left = others(record, goal);
  return left.length === 0 ? rest : { ...rest, failedReboots: left };
}

function others({ failedReboots = [] }: HostRecord, goal: Goal): readonly FailedReboot[] {
  return failedReboots.filter((failed) => keyOf(failed) !== keyOf(goal));
}

function keyOf({ present, absent }: Goal): string {
  return JSON.stringify([present, absent].map((names) => [...new Set(names)].sort()));
}

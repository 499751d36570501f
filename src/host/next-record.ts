import { joinOwned, type OwnedArguments, ownedSomewhere } from '../boot/owned.ts';
import type { Facts } from '../facts/facts.ts';
import type { Seen } from '../resources/batch.ts';
import type { Effect } from '../resources/effect.ts';
import { mergeEffects, withoutTokens } from '../resources/effect-order.ts';
import type { EnsurePlan } from '../resources/plan-ensure.ts';
import { adoptFiles } from './adopt.ts';
import { afterOf } from './after.ts';
import { formerAfter, joinFormer } from './former-lines.ts';
import { putBack, stillRunning } from './left-running.ts';
import { ownFiles } from './own.ts';
import type { OwnedLines } from './owned-file.ts';
import type { HostRecord } from './record.ts';
import { shareFiles } from './sharing.ts';
import { withStep } from './step-wishes.ts';
import { soleTokens } from './undo-owned.ts';

/** What is known when an `ensure` has been planned. */
export interface Ensuring {
  /** The record as the host has it. */
  readonly record: HostRecord;
  readonly playbook: string;
  readonly run: string;
  readonly facts: Facts;
  readonly seen: Seen;
  /** Which `ensure` of the run it is, counted from 0, and the tokens that it wishes for. */
  readonly step: number;
  readonly wished: readonly string[];
  /** Tokens that other `ensure`s of the playbook own; paths that earlier ones of the run read. */
  readonly ownedElsewhere: OwnedArguments;
  readonly named: ReadonlySet<string>;
}

/** The record that must be there before the first action of an `ensure`. Pure. */
export function nextRecord(ensuring: Ensuring, plan: EnsurePlan): HostRecord {
  const { record, playbook, run, facts, seen, step, wished, ownedElsewhere } = ensuring;
  const owned = record.ownedArguments[playbook] ?? {};
  const ownedNow = plan.ownedArguments === null ? owned : joinOwned(ownedElsewhere, plan.ownedArguments);
  const kept = ownedSomewhere(ownedNow);
  // What others own as well stays as they wish it.
  const letGo = ownedSomewhere(soleTokens(record, playbook)).filter((token) => !kept.includes(token));
  const pending = mergeEffects([...record.pending.map((effect) => without(effect, letGo)), ...plan.effects]);
  const shares = plan.changes.flatMap((change) => change.shares ?? []);
  const known = shareFiles(adoptFiles(record.files, plan.changes, seen, playbook), shares, playbook);
  const written = Object.keys(afterOf(plan.actions));
  const { leftRunning: before, formerLines: _, ...rest } = record;
  const lines = linesNow(ensuring, plan.ownedLines);
  const leftRunning = putBack(stillRunning(before, facts), kept, written);
  return {
    ...rest,
    ownedArguments: { ...record.ownedArguments, [playbook]: ownedNow },
    steps: { ...record.steps, [playbook]: withStep(record.steps?.[playbook] ?? [], step, wished) },
    lines: { ...record.lines, [playbook]: lines },
    ...formerAfter(record, playbook, lines, plan.formerLines),
    files: ownFiles(known, plan.changes, seen, { playbook, run }),
    ...(leftRunning !== undefined && { leftRunning }),
    pending,
    // A reboot that was stamped before something more became due does not count for it.
    stamp: hasMore(record.pending, pending) ? null : record.stamp,
  };
}

/**
 * The record with what a playbook owned before, too: until the files are replaced, its old tokens and lines stand in them.
 * The same record where it lets go of nothing. Pure.
 */
export function withOwnedBefore(next: HostRecord, before: HostRecord, playbook: string): HostRecord {
  const tokens = joinOwned(next.ownedArguments[playbook] ?? {}, before.ownedArguments[playbook] ?? {});
  const lines = joinOwned(next.lines[playbook] ?? {}, before.lines[playbook] ?? {});
  const isSame = (one: OwnedArguments, other: OwnedArguments = {}): boolean =>
    Object.entries(one).every(([place, own]) => own.length === (other[place] ?? []).length);
  if (isSame(tokens, next.ownedArguments[playbook]) && isSame(lines, next.lines[playbook])) return next;
  return {
    ...next,
    ownedArguments: { ...next.ownedArguments, [playbook]: tokens },
    lines: { ...next.lines, [playbook]: lines },
    ...joinFormer(next, before, playbook),
  };
}

/** Lines of a file that an earlier `ensure` of the run has read stay: it may have wished for them. */
function linesNow({ record, playbook, named }: Ensuring, lines: OwnedLines): OwnedLines {
  const before = record.lines[playbook] ?? {};
  const now = Object.entries(lines).map(([path, own]) => {
    const earlier = named.has(path) ? (before[path] ?? []) : [];
    return [path, [...earlier, ...own.filter((line) => !earlier.includes(line))]] as const;
  });
  return { ...before, ...Object.fromEntries(now) };
}

/** Effects that the host does not know to be due yet, whatever their reasons say. */
export function hasMore(known: readonly Effect[], effects: readonly Effect[]): boolean {
  const there = new Set(known.map(essence));
  return effects.some((effect) => !there.has(essence(effect)));
}

/** An effect without its reason, which may be worded otherwise each time. */
function essence({ reason: _, ...effect }: Effect): string {
  return JSON.stringify(Object.entries(effect).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** An effect that no longer asks for arguments which the runner has let go of. */
function without(effect: Effect, letGo: readonly string[]): Effect {
  if (effect.kind !== 'boot-configuration' && effect.kind !== 'reboot') return effect;
  return withoutTokens(effect, letGo);
}

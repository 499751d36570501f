import { type OwnedArguments, ownedSomewhere } from '../boot/owned.ts';
import { mergeEffects } from '../resources/effect-order.ts';
import { undoneBy } from './came-back.ts';
import { joinLeft, stillRunning } from './left-running.ts';
import { hasMore } from './next-record.ts';
import { ownFiles } from './own.ts';
import type { OwnedFile } from './owned-file.ts';
import type { HostRecord } from './record.ts';
import { pendingWithout } from './undo-effects.ts';
import { forget, soleTokens } from './undo-owned.ts';
import type { UndoInput, UndoPlan } from './undo-plan.ts';

/**
 * The record before the first file is touched, in which the playbook still owns everything, so that an undo that dies is
 * begun anew; and the one after the last, which has forgotten it. Both say what is due. Pure.
 */
export function undoRecords(
  { record, playbook, facts, seen }: Pick<UndoInput, 'record' | 'playbook' | 'facts' | 'seen'>,
  plan: UndoPlan,
  run: string,
  standing: OwnedArguments = {},
): { readonly next: HostRecord; readonly last: HostRecord } {
  const letGo = ownedSomewhere(soleTokens(record, playbook));
  const effects = plan.changes.flatMap((change) => change.effects);
  const pending = mergeEffects([...pendingWithout(record, playbook, letGo), ...effects]);
  const { leftRunning: before, ...rest } = record;
  const tokens = plan.left.arguments;
  const by = tokens.length === 0 ? {} : undoneBy(record, playbook, tokens, standing);
  const left = joinLeft(stillRunning(before, facts), { bootId: facts.identity.bootId, ...plan.left, ...by });
  const next: HostRecord = {
    ...rest,
    files: undoFiles(record.files, ownFiles(record.files, plan.changes, seen, { playbook, run })),
    pending,
    stamp: hasMore(record.pending, pending) ? null : record.stamp,
    ...(left.arguments.length + left.files.length > 0 && { leftRunning: left }),
  };
  return { next, last: forget(next, playbook) };
}

type Files = HostRecord['files'];

/** What stood in a file before the first write is no other because it is put back over somebody's version (`force`). */
function undoFiles(before: Files, after: Files): Files {
  return Object.fromEntries(
    Object.entries(after).flatMap(([path, file]): readonly (readonly [string, OwnedFile])[] => {
      const known = before[path];
      // Written, but never ours: a place that an older record knew by its tokens alone.
      if (known === undefined) return [];
      return [[path, known.owned === 'whole' ? { ...file, original: known.original } : file]];
    }),
  );
}

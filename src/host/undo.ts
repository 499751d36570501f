import { bootDriver } from '../boot/choose-driver.ts';
import { ownedSomewhere } from '../boot/owned.ts';
import type { Found } from '../resources/batch.ts';
import { mergeEffects } from '../resources/effect-order.ts';
import type { Read, State } from '../resources/resource.ts';
import { joinLeft, reasonToReboot, stillRunning } from './left-running.ts';
import { hasMore } from './look.ts';
import { ownFiles } from './own.ts';
import type { OwnedFile } from './owned-file.ts';
import type { HostRecord } from './record.ts';
import type { Session } from './session.ts';
import { type Known, lookFor, planned, type TaskLook } from './task-look.ts';
import { pendingWithout, quickEffects } from './undo-effects.ts';
import { backupOf } from './undo-file.ts';
import { forget, isKnown, soleTokens } from './undo-owned.ts';
import { concernsBoot, pathsToUndo, planUndo, type UndoPlan } from './undo-plan.ts';

/** Reads what a playbook owns on the host, and works out how it is undone. */
export async function lookToUndo(session: Session, force: boolean): Promise<TaskLook> {
  const { context, facts, name } = session;
  const playbook = context.playbook.name;
  const { record, found } = await lookFor(session, new Map(), (known) => readsOf(known, session));
  if (!isKnown(record, playbook)) return { changes: [], actions: [], found, record, next: record, gone: [] };
  const files = stateOf(found, 'files');
  const boot = found.states.get('boot') ?? null;
  const { seen } = found;
  const plan = planUndo({ host: name, facts, record, playbook, files, boot, seen, force });
  const { next, last } = recordsOf(session, plan, record, found);
  const changes = planned(withRebootNote(plan, session));
  return {
    changes,
    actions: plan.changes.flatMap((change) => change.actions),
    found,
    record,
    next,
    last,
    gone: plan.gone,
  };
}

function readsOf({ record }: Known, { context, facts }: Session): ReadonlyMap<string, Read> {
  const playbook = context.playbook.name;
  if (!isKnown(record, playbook)) return new Map();
  const paths = pathsToUndo(record, playbook);
  const backups = paths.flatMap((path) => {
    const file = record.files[path];
    return file === undefined ? [] : (backupOf(path, file) ?? []);
  });
  return new Map([
    ['files', { files: [...paths, ...backups] }],
    ...(concernsBoot(record, playbook) ? [['boot', bootDriver(facts).read(facts)] as const] : []),
  ]);
}

/** What is left to the operator belongs to what is asked about. */
function withRebootNote({ changes, left }: UndoPlan, { facts }: Session): UndoPlan['changes'] {
  const reason = reasonToReboot({ bootId: facts.identity.bootId, ...left });
  if (reason === null) return changes;
  const note = `then a reboot is due, which is left to you: ${reason}`;
  return changes.map((change, index) => (index === 0 ? { ...change, notes: [...change.notes, note] } : change));
}

function stateOf({ states }: Found, name: string): State {
  const state = states.get(name);
  if (state === undefined) throw new Error(`${name} was not read`);
  return state;
}

/**
 * The record before the first file is touched, in which the playbook still owns everything, so that an undo that dies is
 * begun anew; and the one after the last, which has forgotten it. Both say what is due.
 */
function recordsOf(
  session: Session,
  plan: UndoPlan,
  record: HostRecord,
  { seen }: Found,
): { readonly next: HostRecord; readonly last: HostRecord } {
  const { context, facts } = session;
  const playbook = context.playbook.name;
  const letGo = ownedSomewhere(soleTokens(record, playbook));
  const effects = plan.changes.flatMap((change) => change.effects);
  const pending = mergeEffects([...pendingWithout(record, playbook, letGo), ...quickEffects(effects)]);
  const { leftRunning: before, ...rest } = record;
  const left = joinLeft(stillRunning(before, facts), { bootId: facts.identity.bootId, ...plan.left });
  const next: HostRecord = {
    ...rest,
    files: undoFiles(record, ownFiles(record.files, plan.changes, seen, { playbook, run: context.run })),
    pending,
    stamp: hasMore(record.pending, pending) ? null : record.stamp,
    ...(left.arguments.length + left.files.length > 0 && { leftRunning: left }),
  };
  return { next, last: forget(next, playbook) };
}

/** What stood in a file before the first write is no other because it is put back over somebody's version (`force`). */
function undoFiles(record: HostRecord, files: HostRecord['files']): HostRecord['files'] {
  return Object.fromEntries(
    Object.entries(files).flatMap(([path, file]): readonly (readonly [string, OwnedFile])[] => {
      const known = record.files[path];
      // Written, but never ours: a place that an older record knew by its tokens alone.
      if (known === undefined) return [];
      return [[path, known.owned === 'whole' ? { ...file, original: known.original } : file]];
    }),
  );
}

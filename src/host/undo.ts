import { bootDriver } from '../boot/choose-driver.ts';
import type { Found } from '../resources/batch.ts';
import type { Read, State } from '../resources/resource.ts';
import { reasonToReboot } from './left-running.ts';
import type { Session } from './session.ts';
import { type Known, lookFor, planned, type TaskLook } from './task-look.ts';
import { backupOf } from './undo-file.ts';
import { isKnown } from './undo-owned.ts';
import { concernsBoot, pathsToUndo, planUndo, type UndoPlan } from './undo-plan.ts';
import { undoRecords } from './undo-record.ts';

/** Reads what a playbook owns on the host, and works out how it is undone. */
export async function lookToUndo(session: Session, force: boolean): Promise<TaskLook> {
  const { context, facts, name } = session;
  const playbook = context.playbook.name;
  const { record, found } = await lookFor(session, new Map(), (known) => readsOf(known, session));
  if (!isKnown(record, playbook)) return { changes: [], actions: [], found, record, next: record, gone: [] };
  const files = stateOf(found, 'files');
  const boot = found.states.get('boot') ?? null;
  const { seen } = found;
  const input = { host: name, facts, record, playbook, files, boot, seen, force };
  const plan = planUndo(input);
  const { next, last } = undoRecords(input, plan, context.run);
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

import { bootDriver } from '../boot/choose-driver.ts';
import type { Change, Read, State } from '../resources/resource.ts';
import { mayComeBack, standingIn, withCameBack } from './came-back.ts';
import { reasonToReboot } from './left-running.ts';
import type { Session } from './session.ts';
import { type Known, lookFor, planned, type TaskLook } from './task-look.ts';
import { readsOfDevices, refuseHeldDevices } from './undo-devices.ts';
import { backupOf } from './undo-file.ts';
import { strikeOrphan, withoutInitramfs } from './undo-initramfs.ts';
import { isKnown, knownPlaybooks } from './undo-owned.ts';
import { concernsBoot, pathsToUndo, planUndo, type UndoPlan } from './undo-plan.ts';
import { undoRecords } from './undo-record.ts';

/** Reads what a playbook owns on the host, and works out how it is undone. */
export async function lookToUndo(session: Session, force: boolean): Promise<TaskLook> {
  const { context, facts, name } = session;
  const playbook = context.playbook.name;
  const { record: stored, found } = await lookFor(session, new Map(), (known) => readsOf(known, session));
  const standing = standingIn(name, facts, found.states.get('boot'));
  const record = withCameBack(stored, playbook, facts, standing);
  const { task } = context;
  if (task?.kind === 'undo') task.tell?.(knownPlaybooks(record));
  if (!isKnown(record, playbook)) {
    const struck = strikeOrphan(record, facts);
    const look = { actions: [], found, record, next: record, gone: [] };
    return struck === null ? { ...look, changes: [] } : { ...look, changes: planned([striking]), last: struck };
  }
  const files = found.states.get('files') ?? noFiles;
  const boot = found.states.get('boot') ?? null;
  const { seen } = found;
  const input = { host: name, facts, record, playbook, files, boot, seen, force };
  const { record: struck, plan } = withoutInitramfs(record, planUndo(input), playbook, facts, name);
  refuseHeldDevices(plan.changes, found, facts, name);
  const { next, last: forgotten } = undoRecords({ ...input, record: struck }, plan, context.run, standing);
  const changes = planned(withRebootNote(plan, session));
  return {
    changes,
    actions: plan.changes.flatMap((change) => change.actions),
    found,
    record: stored,
    next,
    last: strikeOrphan(forgotten, facts) ?? forgotten,
    gone: plan.gone,
  };
}

function readsOf({ record }: Known, { context, facts }: Session): ReadonlyMap<string, Read> {
  const playbook = context.playbook.name;
  const boot = concernsBoot(record, playbook) || mayComeBack(record, playbook, facts);
  const reads = boot ? [['boot', bootDriver(facts).read(facts)] as const] : [];
  if (!isKnown(record, playbook)) return new Map(reads);
  const paths = pathsToUndo(record, playbook);
  const backups = paths.flatMap((path) => {
    const file = record.files[path];
    return file === undefined ? [] : (backupOf(path, file) ?? []);
  });
  const devices = readsOfDevices(record, playbook);
  return new Map<string, Read>([['files', { files: [...paths, ...backups] }], ...reads, ...devices]);
}

/** What is left to the operator belongs to what is asked about. */
function withRebootNote({ changes, left }: UndoPlan, { facts }: Session): UndoPlan['changes'] {
  const reason = reasonToReboot({ bootId: facts.identity.bootId, ...left });
  if (reason === null) return changes;
  const note = `then a reboot is due, which is left to you: ${reason}`;
  return changes.map((change, index) => (index === 0 ? { ...change, notes: [...change.notes, note] } : change));
}

/** Of no playbook any more: only the record is to be told. */
const striking: Change = {
  resource: 'the record of vfleet',
  summary: 'strike the initramfs that is due: nobody can build one here, and nothing of any playbook is left for it',
  ...{ diffs: [], actions: [], effects: [], notes: [] },
};

/** Nothing was read, as nothing is known. */
const noFiles: State = {
  file: () => ({ kind: 'absent' }),
  matches: () => [],
  probe: () => ({ code: 0, stdout: '' }),
};

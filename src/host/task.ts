import type { Effect } from '../resources/effect.ts';
import { listBackups } from './backup-list.ts';
import type { Task } from './context.ts';
import { reasonToReboot, stillRunning } from './left-running.ts';
import { matchChanges, matchMachine, matchPending } from './plan-match.ts';
import { lookToRestore } from './restore.ts';
import type { Session } from './session.ts';
import { settleQuietly } from './settle.ts';
import type { TaskLook } from './task-look.ts';
import { lookToUndo } from './undo.ts';
import { buildable } from './undo-initramfs.ts';
import { tryWrite } from './write.ts';

/** How often a host is looked at again when the link broke in the middle of a write, or another run held the lock. */
const attempts = 30;

/** Does what is asked for instead of a playbook's `apply`; in the mode `plan` only shows it. */
export async function runTask(session: Session, task: Task): Promise<void> {
  switch (task.kind) {
    case 'undo':
      return carryOut(session, () => lookToUndo(session, task.force));
    case 'restore':
      return carryOut(session, () => lookToRestore(session, task.run));
    case 'backups':
      return listBackups(session, task.keep);
  }
}

/** Looks, writes, settles what is due but for the reboot, and says whether one is due. */
async function carryOut(session: Session, look: () => Promise<TaskLook>): Promise<void> {
  const { mode } = session.context;
  let found = await look();
  const first = found;
  session.pending = withoutReboots(first.record.pending);
  session.changes.push(...first.changes);
  if (mode === 'apply') {
    for (let attempt = 1; ; attempt += 1) {
      match(session, found, attempt > 1);
      if (await tryWrite(session, found, attempt === attempts)) break;
      found = await look();
    }
  }
  session.record = found.last ?? found.next;
  const due = withoutReboots(session.record.pending);
  session.addDue(session.context.task?.kind === 'undo' ? buildable(due, session.facts) : due);
  await settleQuietly(session, first.gone);
  if (mode === 'apply' && session.context.expected === undefined) tellNotes(session, first);
  // Of a host on which nothing was restored there is nothing new to say.
  const isOld = session.context.task?.kind === 'restore' && first.changes.length === 0;
  session.rebootDue = isOld ? null : rebootDue(session);
}

/** Where nothing was shown before, what an operator should know is said afterwards. */
function tellNotes({ context, name }: Session, { changes }: TaskLook): void {
  for (const text of new Set(changes.flatMap(({ notes }) => notes))) {
    context.bus.emit({ type: 'warning', host: name, text });
  }
}

/** Compares what was found with what was shown. Errors: `plan.differs`, `plan.identity`. */
function match(session: Session, { changes, record }: TaskLook, again: boolean): void {
  const { expected, underWay = false } = session.context;
  if (expected === undefined) return;
  matchMachine(expected, session.facts);
  // After a lost link, or a controller that died, less may be left to do than was shown.
  if ((again || underWay) && changes.length === 0) return;
  const pending = withoutReboots(record.pending);
  if (!again && !underWay) matchPending(expected, pending);
  matchChanges(expected, 0, changes, again || underWay || pending.length > 0);
}

/** A reboot is for others to make. */
function withoutReboots(effects: readonly Effect[]): readonly Effect[] {
  return effects.filter((effect) => effect.kind !== 'reboot');
}

function rebootDue({ record, facts }: Session): string | null {
  const pending = record.pending.flatMap((effect) => (effect.kind === 'reboot' ? [effect.reason] : []));
  const left = reasonToReboot(stillRunning(record.leftRunning, facts));
  const reasons = [...(left === null ? [] : [left]), ...pending];
  return reasons.length === 0 ? null : reasons.join('; ');
}

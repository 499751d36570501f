import { VfleetError } from '../errors.ts';
import { parseWrite, type WriteResult, writeScript } from '../resources/batch.ts';
import type { Script } from '../shell/script.ts';
import { mask } from '../shell/secret.ts';
import { printAbout } from './backup.ts';
import { runHeld } from './hold.ts';
import { within } from './limits.ts';
import type { Look } from './look.ts';
import { hasMore } from './next-record.ts';
import { backupFolder, printRecord, stateFolder } from './record.ts';
import { recordDigest } from './record-write.ts';
import type { Session } from './session.ts';

/** Longest time for a write script, in milliseconds: a full sync of a busy disk takes its time. */
const timeout = 300_000;

/**
 * Writes what one look found to be due. `false`: it may or may not have been written, or another run was at work: look
 * again. With `last` that is an error instead.
 */
export async function tryWrite(session: Session, look: Look, last: boolean): Promise<boolean> {
  const { context, name } = session;
  if (!isDue(look)) return true;
  session.stopHere();
  session.enter('apply');
  await context.bus.intend({ type: 'write-intent', host: name, changes: look.changes });
  session.begun = true;
  const scriptOf = (admission: Script): Script =>
    writeScript({
      admission,
      guards: look.found.seen,
      actions: look.actions,
      record: printRecord(look.next),
      recordAfter: look.last === undefined ? undefined : printRecord(look.last),
      stateFolder,
      backupFolder: backupFolder(context.run),
      about: printAbout({
        command: context.task?.kind ?? 'apply',
        playbook: context.task?.kind === 'restore' ? null : context.playbook.name,
      }),
    });
  let secrets: readonly string[] = [];
  let result: WriteResult;
  try {
    const output = await within(session, 'applying', 'apply', () =>
      runHeld(
        session,
        (admission) => {
          const script = scriptOf(admission);
          secrets = script.secrets;
          return script;
        },
        { timeout, signal: context.abandon },
      ),
    );
    result = parseWrite(output, look.actions);
  } catch (thrown) {
    // The link broke: the host knows whether it was written, and its lock keeps us out while it still writes.
    session.stale = true;
    session.unanswered = true;
    if (last || !(thrown instanceof VfleetError && thrown.code === 'ssh.lost')) throw thrown;
    await context.clock.sleep(context.reboot.firstPause, context.abandon);
    return false;
  }
  if (result.kind === 'locked' && !last) {
    session.enter('apply', 'another run is at work on this host; waiting for it');
    await context.clock.sleep(2_000, context.abandon);
    session.stopHere();
    return false;
  }
  const byUs = session.unanswered && result.kind === 'changed';
  if (result.kind !== 'locked') session.unanswered = false;
  // Our own earlier script went on after the link was lost, and came between the look and this one.
  if (byUs && !last) return false;
  if (result.kind !== 'locked' && result.kind !== 'changed') {
    session.stale = true;
    if (result.kind !== 'failed' || result.written.length > 0) session.writes += 1;
  }
  if (result.kind !== 'done') throw explain(result, name, secrets);
  for (const text of result.notes) context.bus.emit({ type: 'warning', host: name, text });
  session.recordDigest = recordDigest(printRecord(look.last ?? look.next));
  context.bus.emit({ type: 'written', host: name, changes: look.changes });
  return true;
}

/** Actions to take, or effects that the host does not know to be due yet. */
function isDue({ actions, record, next, last, adopts }: Look): boolean {
  return actions.length > 0 || adopts === true || last !== undefined || hasMore(record.pending, next.pending);
}

function explain(
  result: Exclude<WriteResult, { kind: 'done' }>,
  host: string,
  secrets: readonly string[],
): VfleetError {
  switch (result.kind) {
    case 'locked':
      return new VfleetError({
        code: 'host.locked',
        host,
        thing: `${stateFolder}/lock`,
        expected: 'no other run on this host',
        found: 'one that still holds the lock',
        next: 'wait for it, then run `vfleet apply` again; nothing was written',
      });
    case 'changed':
      return new VfleetError({
        code: 'host.changed',
        host,
        thing: result.paths.join(', '),
        expected: 'what was read a moment ago',
        found: 'that somebody else has changed it since',
        next: 'look who, then run `vfleet apply` again; nothing was written',
      });
    case 'failed':
      return new VfleetError({
        code: 'host.write-failed',
        host,
        thing: `${result.step} ${result.path}`.trim(),
        expected: 'that it succeeds',
        found: mask(result.reason, secrets),
        next:
          result.written.length === 0
            ? 'mend the cause and run `vfleet apply` again; no managed file was changed'
            : `mend the cause and run \`vfleet apply\` again: it goes on after ${result.written.join(', ')}`,
      });
    case 'run-failed':
      return new VfleetError({
        code: 'host.command-failed',
        host,
        thing: `command ${result.label}`,
        expected: 'exit code 0',
        found: `exit code ${result.code}: ${mask(result.output, secrets).trim().split('\n').slice(-3).join(' | ') || 'no output'}`,
        next: 'mend the cause and run `vfleet apply` again',
      });
  }
}

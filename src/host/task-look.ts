import type { PlannedChange } from '../events/event.ts';
import { type Found, parseRead, readScript } from '../resources/batch.ts';
import { digestOf } from '../resources/plan-ensure.ts';
import type { Change, Read } from '../resources/resource.ts';
import { afterOf } from './after.ts';
import { type Look, recordIn, recordRead } from './look.ts';
import { runRead } from './read.ts';
import type { HostRecord } from './record.ts';
import type { Session } from './session.ts';

/** What one look at the host says is to be done about a task. */
export interface TaskLook extends Look {
  /** Names of arguments that no boot entry may show any more. */
  readonly gone: readonly string[];
}

/** What was read, and the record of the same moment. */
export interface Known {
  readonly record: HostRecord;
  readonly found: Found;
}

type Reads = ReadonlyMap<string, Read>;

/** How often is looked anew while other runs change the record. */
const attempts = 10;

/** Reads the record with whatever `first` names, and then what these say is to be read, all of one moment. */
export async function lookFor(
  session: Session,
  first: Reads,
  readsOf: (known: Known) => Reads,
): Promise<Known & { readonly first: Found }> {
  let known = await readAll(session, first);
  for (let attempt = 1; ; attempt += 1) {
    const digest = session.recordDigest;
    const reads = readsOf(known);
    const latest = reads.size === 0 ? known : await readAll(session, reads);
    if (session.recordDigest === digest || attempt === attempts) return { ...latest, first: known.found };
    known = await readAll(session, first);
  }
}

async function readAll(session: Session, more: Reads): Promise<Known> {
  session.enter('plan');
  const reads = new Map<string, Read>([recordRead, ...more]);
  const found = parseRead(reads, await runRead(session.context, 'plan', readScript(reads)), session.name);
  return { record: recordIn(session, found), found };
}

/** Changes as they are shown, stored and compared. */
export function planned(changes: readonly Change[]): readonly PlannedChange[] {
  return changes.map((change) => {
    const { actions, resource, summary, diffs, effects, notes } = change;
    const digest = digestOf(change);
    return { resource, summary, diffs, effects, notes, digest, after: afterOf(actions), tentative: false, step: 0 };
  });
}

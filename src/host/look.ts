import { joinOwned, withoutOwned } from '../boot/owned.ts';
import { VfleetError } from '../errors.ts';
import type { PlannedChange } from '../events/event.ts';
import { type Found, parseRead, readScript } from '../resources/batch.ts';
import type { Effect } from '../resources/effect.ts';
import { planEnsure } from '../resources/plan-ensure.ts';
import type { Action, Read, Resource } from '../resources/resource.ts';
import { adoptionOf, installersFiles } from './adopt.ts';
import { afterOf } from './after.ts';
import { cameBack, standingIn } from './came-back.ts';
import { nextRecord, withOwnedBefore } from './next-record.ts';
import { runRead } from './read.ts';
import { type HostRecord, parseRecord, recordPath } from './record.ts';
import { recordDigest } from './record-write.ts';
import type { Session } from './session.ts';
import { ownershipOf } from './sharing.ts';
import { ownedLater } from './step-wishes.ts';

/** What one look at the host says is to be done. */
export interface Look {
  readonly changes: readonly PlannedChange[];
  readonly actions: readonly Action[];
  readonly found: Found;
  /** The record as it is on the host. */
  readonly record: HostRecord;
  /** The record that must be there before the first action. */
  readonly next: HostRecord;
  /** The record that takes its place after the last one. Default: it stays. */
  readonly last?: HostRecord;
  /** Something becomes the playbook's as it is: a change of the record alone. */
  readonly adopts?: boolean;
}

/** Reads the state of all resources and the record in one script, and works out what is to be done. */
export async function lookAt(session: Session, wished: readonly Resource[], step: number): Promise<Look> {
  const { context, facts, name } = session;
  const resources = context.adopt === true && step === 0 ? [...wished, installersFiles] : wished;
  session.enter('plan');
  const reads = new Map<string, Read>([
    recordRead,
    ...resources.map((resource) => [resource.name, resource.read(facts)] as const),
  ]);
  const output = await runRead(context, 'plan', readScript(reads));
  const found = parseRead(reads, output, name);
  const record = recordIn(session, found);
  const owner = context.playbook.name;
  const ownership = ownershipOf(record, owner, found.seen);
  // What other `ensure`s of the playbook wish for, before or after this one, is not this one's to take away.
  const ownedElsewhere = joinOwned(session.ownedEarlier, ownedLater(record, owner, step));
  const ownedArguments = withoutOwned(ownership.ownedArguments, ownedElsewhere);
  const isDue = (kind: Effect['kind']): boolean => record.pending.some((effect) => effect.kind === kind);
  const due = { regenerationDue: isDue('boot-configuration'), initramfsDue: isDue('initramfs') };
  const ownedLines = Object.fromEntries(
    Object.entries(ownership.ownedLines).filter(([path]) => !session.named.has(path)),
  );
  const adopt = context.adopt === true ? adoptionOf(record) : undefined;
  const standing = standingIn(name, facts, found.states.get('kernel arguments'));
  const undone = cameBack(record, facts, standing);
  const shared = { ...ownership.shared, undone, elsewhere: { tokens: ownedElsewhere, paths: session.named } };
  const input = { host: name, facts, ownedArguments, ownedLines, shared, ...due, adopt, tentative: session.tentative };
  const plan = planEnsure(resources, found.states, input);
  const changes = plan.changes.map(({ actions, resource, summary, diffs, effects, notes, digest }): PlannedChange => {
    const after = afterOf(actions);
    return { resource, summary, diffs, effects, notes, digest, after, tentative: session.tentative, step };
  });
  const ensuring = { record, playbook: owner, run: context.run, facts, seen: found.seen };
  const tokens = resources.flatMap((resource) => resource.wants?.(facts).kernelArguments?.present ?? []);
  const last = nextRecord({ ...ensuring, step, wished: tokens, ownedElsewhere, named: session.named }, plan);
  const next = plan.actions.length === 0 ? last : withOwnedBefore(last, record, owner);
  const adopts = plan.changes.some((change) => change.adopts !== undefined || change.shares !== undefined);
  return { changes, actions: plan.actions, found, record, next, ...(next !== last && { last }), adopts };
}

/** The read of the record, which belongs to every look. */
export const recordRead: readonly [string, Read] = ['the record of vfleet', { files: [recordPath] }];

/** The record as it was found; the session is told of it. Errors: those of `parseRecord`, and `record.unreadable`. */
export function recordIn(session: Session, found: Found): HostRecord {
  const stored = storedRecord(found, session.name);
  session.recordDigest = recordDigest(stored);
  session.record = parseRecord(stored === null ? null : stored.toString('utf8'));
  return session.record;
}

/** Bytes of the record as the host has it. Errors: `record.unreadable` where it is there, but may not be read. */
function storedRecord(found: Found, host: string): Buffer | null {
  const stored = found.states.get(recordRead[0])?.file(recordPath);
  if (stored === undefined || stored.kind === 'absent') return null;
  if (stored.kind === 'file') return stored.bytes;
  throw new VfleetError({
    code: 'record.unreadable',
    host,
    thing: recordPath,
    expected: 'the record of earlier runs',
    found: stored.type,
    next: 'log in as root, or let vfleet elevate: ssh: { elevate: sudo }',
  });
}

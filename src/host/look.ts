import type { PlannedChange } from '../events/event.ts';
import { type Found, parseRead, readScript } from '../resources/batch.ts';
import { mergeEffects } from '../resources/effect-order.ts';
import { planEnsure } from '../resources/plan-ensure.ts';
import type { Action, Read, Resource } from '../resources/resource.ts';
import { type HostRecord, parseRecord, recordPath } from './record.ts';
import type { Session } from './session.ts';

/** What one look at the host says is to be done. */
export interface Look {
  readonly changes: readonly PlannedChange[];
  readonly actions: readonly Action[];
  readonly found: Found;
  /** The record as it is on the host. */
  readonly record: HostRecord;
  /** The record that must be there before the first action. */
  readonly next: HostRecord;
}

/** Reads the state of all resources and the record in one script, and works out what is to be done. */
export async function lookAt(session: Session, resources: readonly Resource[], step: number): Promise<Look> {
  const { context, facts, name } = session;
  session.enter('plan');
  const reads = new Map<string, Read>([
    ['the record of vfleet', { files: [recordPath] }],
    ...resources.map((resource) => [resource.name, resource.read(facts)] as const),
  ]);
  const output = await context.shell.run(readScript(reads), { signal: context.abandon });
  const found = parseRead(reads, output, name);
  const record = recordOf(found);
  const owner = context.playbook.name;
  const owned = record.ownedArguments[owner] ?? [];
  // What an earlier `ensure` of this run wished for is not this one's to take away.
  const ownedArguments = owned.filter((token) => !session.ownedEarlier.includes(token));
  const plan = planEnsure(resources, found.states, { host: name, facts, ownedArguments });
  const changes = plan.changes.map(({ resource, summary, diffs, effects, notes, digest }): PlannedChange => {
    return { resource, summary, diffs, effects, notes, digest, tentative: session.tentative, step };
  });
  const ownedNow = plan.ownedArguments === null ? owned : [...session.ownedEarlier, ...plan.ownedArguments];
  const next: HostRecord = {
    ...record,
    ownedArguments: { ...record.ownedArguments, [owner]: [...new Set(ownedNow)] },
    pending: mergeEffects([...record.pending, ...plan.effects]),
  };
  return { changes, actions: plan.changes.flatMap((change) => change.actions), found, record, next };
}

function recordOf(found: Found): HostRecord {
  const stored = found.states.get('the record of vfleet')?.file(recordPath);
  return parseRecord(stored?.kind === 'file' ? stored.bytes.toString('utf8') : null);
}

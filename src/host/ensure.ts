import type { PlannedChange } from '../events/event.ts';
import { type Found, parseRead, readScript } from '../resources/batch.ts';
import { mergeEffects } from '../resources/effect-order.ts';
import { planEnsure } from '../resources/plan-ensure.ts';
import type { Action, Read, Resource, Wants } from '../resources/resource.ts';
import type { Ensured } from './handle.ts';
import { matchChanges, matchFacts } from './plan-match.ts';
import { type HostRecord, parseRecord, recordPath } from './record.ts';
import type { Session } from './session.ts';
import { tryWrite } from './write.ts';

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

/** How often a host is looked at again when the link broke in the middle of a write, or another run held the lock. */
const attempts = 30;

/**
 * One `ensure`: one script reads the state of all resources and the record, one writes all changes. In `plan` nothing is
 * written; in `verify` nothing is read either, only the wishes are noted.
 */
export async function ensure(session: Session, resources: readonly Resource[]): Promise<Ensured> {
  const { mode, expected } = session.context;
  const step = session.step;
  session.step += 1;
  for (const resource of resources) session.wants = addWants(session.wants, resource.wants?.(session.facts) ?? {});
  if (mode === 'verify' || resources.length === 0) return { changed: false, resources: [] };
  let first: Look | null = null;
  for (let attempt = 1; ; attempt += 1) {
    const look = await lookAt(session, resources, step);
    first ??= look;
    if (mode === 'apply') {
      // After a lost link less may be left to do than was shown; what is left must have been shown all the same.
      if (expected !== undefined && (attempt === 1 || look.changes.length > 0)) {
        if (session.reboots === 0) matchFacts(expected, session.facts);
        matchChanges(expected, step, look.changes);
      }
      const isLast = attempt === attempts;
      if (!(await tryWrite(session, look, isLast))) continue;
    }
    session.record = mode === 'apply' ? look.next : look.record;
    if (step === 0) session.pending = first.record.pending;
    session.changes.push(...first.changes);
    session.addDue(look.next.pending);
    session.ownedEarlier = look.next.ownedArguments[session.context.playbook.name] ?? [];
    const names = first.changes.map((change) => change.resource);
    return { changed: names.length > 0, resources: names };
  }
}

async function lookAt(session: Session, resources: readonly Resource[], step: number): Promise<Look> {
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

function addWants(before: Wants, added: Wants): Wants {
  const present = [...(before.kernelArguments?.present ?? []), ...(added.kernelArguments?.present ?? [])];
  const absent = [...(before.kernelArguments?.absent ?? []), ...(added.kernelArguments?.absent ?? [])];
  const modules = [...(before.modules ?? []), ...(added.modules ?? [])];
  return {
    ...(present.length + absent.length > 0 && { kernelArguments: { present, absent } }),
    ...(modules.length > 0 && { modules: [...new Set(modules)] }),
  };
}

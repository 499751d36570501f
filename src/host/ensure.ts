import { withoutOwned } from '../boot/owned.ts';
import type { HostPlan } from '../events/event.ts';
import type { Resource, Wants } from '../resources/resource.ts';
import type { Ensured } from './handle.ts';
import { type Look, lookAt } from './look.ts';
import {
  hasRebooted,
  isInPlace,
  matchChanges,
  matchFacts,
  matchMachine,
  matchPending,
  refusePart,
} from './plan-match.ts';
import type { Session } from './session.ts';
import { ownedLater } from './step-wishes.ts';
import { tryWrite } from './write.ts';

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
    // After a lost link less may be left to do than was shown; what is left must have been shown all the same.
    if (expected !== undefined && (attempt === 1 || look.changes.length > 0)) match(session, expected, step, look);
    if (mode === 'apply') {
      const isLast = attempt === attempts;
      if (!(await tryWrite(session, look, isLast))) continue;
    }
    const last = look.last ?? look.next;
    session.record = mode === 'apply' ? last : look.record;
    if (step === 0) session.pending = first.record.pending;
    session.changes.push(...first.changes);
    session.addDue(last.pending);
    for (const path of look.found.seen.files.keys()) session.named.add(path);
    const owner = session.context.playbook.name;
    session.ownedEarlier = withoutOwned(last.ownedArguments[owner] ?? {}, ownedLater(last, owner, step));
    const names = first.changes.map((change) => change.resource);
    return { changed: names.length > 0, resources: names };
  }
}

/** Compares what was found with what was shown. Errors: `plan.differs`, `plan.identity`. */
function match(session: Session, expected: HostPlan, step: number, look: Look): void {
  matchMachine(expected, session.facts);
  const untouched = !session.begun && !session.rebooted;
  if (untouched && isInPlace(expected, step, look)) {
    session.inPlace ||= expected.changes.some((change) => change.step === step);
    return;
  }
  const { underWay = false } = session.context;
  if (session.inPlace && !underWay) refusePart(expected, step);
  session.rebooted ||= hasRebooted(expected, step, look, session.facts.identity.bootId);
  // Facts may be others by what this plan itself has changed; what is left to change must have been shown all the same.
  if (!session.rebooted && !underWay) matchFacts(expected, session.facts);
  if (step === 0 && !session.begun) matchPending(expected, look.record.pending);
  matchChanges(expected, step, look.changes, underWay || look.record.pending.length > 0);
}

function addWants(before: Wants, added: Wants): Wants {
  const present = [...(before.kernelArguments?.present ?? []), ...(added.kernelArguments?.present ?? [])];
  const absent = [...(before.kernelArguments?.absent ?? []), ...(added.kernelArguments?.absent ?? [])];
  const exact = [...(before.kernelArguments?.exact ?? []), ...(added.kernelArguments?.exact ?? [])];
  const modules = [...(before.modules ?? []), ...(added.modules ?? [])];
  return {
    ...(present.length + absent.length > 0 && {
      kernelArguments: { present, absent, ...(exact.length > 0 && { exact }) },
    }),
    ...(modules.length > 0 && { modules: [...new Set(modules)] }),
  };
}

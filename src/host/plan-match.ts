import { VfleetError } from '../errors.ts';
import type { HostPlan, PlannedChange } from '../events/event.ts';
import type { Facts } from '../facts/facts.ts';
import { factAt } from '../facts/track.ts';
import type { Effect } from '../resources/effect.ts';
import { hasMore } from './look.ts';

/** Stops a host that is another machine than the one planned for, or whose facts changed. Errors: `plan.differs`. */
export function matchFacts(expected: HostPlan, facts: Facts): void {
  if (expected.machineId !== facts.identity.machineId) {
    throw differs(
      expected.host,
      '/etc/machine-id',
      expected.machineId ?? 'unknown',
      facts.identity.machineId ?? 'unknown',
    );
  }
  for (const [path, planned] of Object.entries(expected.factsRead)) {
    const found = factAt(facts, path);
    if (JSON.stringify(found) !== JSON.stringify(planned)) {
      throw differs(expected.host, `fact ${path}`, JSON.stringify(planned), JSON.stringify(found));
    }
  }
}

/** Stops a host on which something is due that was neither due nor shown when it was planned. Errors: `plan.differs`. */
export function matchPending(expected: HostPlan, pending: readonly Effect[]): void {
  if (!hasMore([...expected.pending, ...expected.effects], pending)) return;
  const kinds = pending.map((effect) => effect.kind).join(', ');
  throw differs(expected.host, 'what earlier runs left due', 'what was shown', kinds);
}

/**
 * Stops a host on any change of one `ensure` that was not shown, or shown and not due any more. `underWay`: this plan's own
 * apply was interrupted, so that a part of it may be done. Errors: `plan.differs`.
 */
export function matchChanges(
  expected: HostPlan,
  step: number,
  found: readonly PlannedChange[],
  underWay: boolean,
): void {
  const planned = expected.changes.filter((change) => change.step === step);
  for (const change of found) {
    const shown = planned.find((other) => other.resource === change.resource);
    if (shown?.digest === change.digest) continue;
    throw differs(
      expected.host,
      change.resource,
      shown === undefined ? 'no change' : `the change that was shown (${shown.summary})`,
      `${shown === undefined ? 'one' : 'another one'}: ${change.summary}`,
    );
  }
  if (underWay) return;
  const gone = planned.find((change) => !found.some((other) => other.resource === change.resource));
  if (gone !== undefined)
    throw differs(expected.host, gone.resource, `the change that was shown (${gone.summary})`, 'nothing to do');
}

function differs(host: string, thing: string, expected: string, found: string): VfleetError {
  return new VfleetError({
    code: 'plan.differs',
    host,
    thing: `${thing} differs from the plan`,
    expected,
    found,
    next: 'plan this host again and look at what is new; nothing of this step was written',
  });
}

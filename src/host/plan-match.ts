import { VfleetError } from '../errors.ts';
import type { HostPlan, PlannedChange } from '../events/event.ts';
import type { Facts } from '../facts/facts.ts';
import { factAt } from '../facts/track.ts';
import type { Effect } from '../resources/effect.ts';
import { seenAt } from './after.ts';
import type { Look } from './look.ts';
import { hasMore } from './next-record.ts';

/** What one `ensure` found, as far as a plan is compared with it. */
export type Found = Pick<Look, 'changes' | 'record'> & { readonly found: Pick<Look['found'], 'seen'> };

/** Stops a host that is another machine than the one planned for. Errors: `plan.differs`, `plan.identity`. */
export function matchMachine({ host, machineId }: HostPlan, { identity }: Facts): void {
  if (machineId === null || identity.machineId === null) {
    throw new VfleetError({
      code: 'plan.identity',
      host,
      thing: '/etc/machine-id',
      expected: 'the id of the machine that the plan was made for',
      found: machineId === null ? 'no id when it was planned, so that nobody knows whether it is the same' : 'none',
      next: 'give the machine an id (systemd-machine-id-setup), and plan again; or apply without a plan: --yes',
    });
  }
  if (machineId !== identity.machineId) throw differs(host, '/etc/machine-id', machineId, identity.machineId);
}

/** Stops a host of which facts that the playbook read have changed. Errors: `plan.differs`. */
export function matchFacts(expected: HostPlan, facts: Facts): void {
  for (const [path, planned] of Object.entries(expected.factsRead)) {
    const found = factAt(facts, path);
    if (JSON.stringify(found) !== JSON.stringify(planned)) {
      throw differs(expected.host, `fact ${path}`, JSON.stringify(planned), JSON.stringify(found));
    }
  }
}

/**
 * Whether what one `ensure` was to change is in place already, byte for byte as it was shown, and nothing is due: then
 * facts are not compared, as the plan itself, or its reboot, may have changed them.
 */
export function isInPlace(expected: HostPlan, step: number, found: Found): boolean {
  const planned = expected.changes.length + expected.pending.length + expected.effects.length;
  return planned > 0 && found.record.pending.length === 0 && isMade(expected, step, found);
}

/**
 * Whether this plan's own reboot has happened, and its apply was cut off before that was proved: all of one `ensure` is in
 * place, nothing is due that was not shown, and the host has booted since the reboot was asked for. Facts are not compared
 * then either.
 */
export function hasRebooted(expected: HostPlan, step: number, found: Found, bootId: string | null): boolean {
  const { pending, stamp } = found.record;
  return (
    stamp !== null &&
    bootId !== null &&
    stamp !== bootId &&
    pending.some((effect) => effect.kind === 'reboot') &&
    !hasMore([...expected.pending, ...expected.effects], pending) &&
    isMade(expected, step, found)
  );
}

function isMade(expected: HostPlan, step: number, { changes, found }: Found): boolean {
  return (
    changes.length === 0 &&
    changesOf(expected, step).every(
      ({ after }) =>
        after !== undefined && Object.entries(after).every(([path, text]) => seenAt(found.seen, path) === text),
    )
  );
}

/**
 * Stops a host of whose plan only a part is in place. `next`: the first `ensure` that was not looked at, or that found
 * something to do. Errors: `plan.differs`.
 */
export function refusePart(expected: HostPlan, next: number): void {
  const gone = expected.changes.find((change) => change.step < next);
  const left = expected.changes.find((change) => change.step >= next);
  if (gone === undefined || left === undefined) return;
  throw differs(
    expected.host,
    gone.resource,
    `the change that was shown (${gone.summary})`,
    `it in place already, but not ${left.resource}: a part of this plan has been applied`,
  );
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
  const planned = changesOf(expected, step);
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

function changesOf(expected: HostPlan, step: number): readonly PlannedChange[] {
  return expected.changes.filter((change) => change.step === step);
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

import type { Effect } from '../resources/effect.ts';
import {
  entriesDigest,
  failedReboots,
  type Goal,
  isAbout,
  isReached,
  ownersOf,
  ownReasons,
  partsOf,
  unreached,
} from './breaker.ts';
import { explainInactive } from './inactive.ts';
import { probeHost } from './probe.ts';
import type { FailedReboot } from './record.ts';
import { printRecord } from './record.ts';
import { recordDigest, writeRecord } from './record-write.ts';
import type { Session } from './session.ts';

/** A reboot that is due, with what must run afterwards. */
export type RebootEffect = Extract<Effect, { kind: 'reboot' }>;

/**
 * What to do about a reboot that is due: make it; prove it only, as the host has booted since all was written; or leave it to the
 * playbooks whose arguments came up in vain, where nothing else is a reason for one.
 */
export type RebootStep = 'make' | 'prove' | 'leave';

/**
 * The same reboot is not made twice while nothing has changed in between, whatever else has become due since. Errors:
 * `reboot.arguments-not-active`, where what was in vain is a wish of this run's own.
 */
export async function rebootStep(session: Session, effect: RebootEffect, bootId: string): Promise<RebootStep> {
  const { context, record, name } = session;
  const isDue = record.stamp === null || record.stamp === bootId;
  const whenDue = isDue ? 'make' : 'prove';
  const failed = failedReboots(record, effect);
  if (failed.length === 0 && !context.rebootAgain) return whenDue;
  // What was generated meanwhile is not in the facts yet.
  if (session.stale) session.facts = await probeHost(context, 'facts');
  if (isReached(effect, session.facts)) return whenDue;
  const inVain = failed.filter(({ entries }) => entries === entriesDigest(session.facts.boot));
  if (context.rebootAgain || inVain.length === 0) return 'make';
  const { own } = partsOf(effect, session.wants.kernelArguments);
  if (isFutile(own, inVain, session)) {
    // A reboot by hand from here on is one that everything has been written for.
    if (isDue) await writeRecord(session, { ...record, stamp: session.facts.identity.bootId });
    throw explainInactive(name, session.facts, own, 'not again', ownersOf(record, unreached(own, session.facts)));
  }
  if (hasMore(effect, inVain, session)) return whenDue;
  const left = isDue ? { ...record, stamp: session.facts.identity.bootId } : record;
  if (recordDigest(printRecord(left)) !== session.recordDigest) await writeRecord(session, left);
  warn(session, `${describe(effect, session)}: it stays due, and no reboot was made`);
  return 'leave';
}

/** Says in a plan that its reboot is one that was in vain before. Configured anew, the entries may differ by then. */
export function warnInVain(session: Session): void {
  const { due, facts, name, record, wants } = session;
  const effect = due.find((one): one is RebootEffect => one.kind === 'reboot');
  if (effect === undefined || isReached(effect, facts)) return;
  const inVain = failedReboots(record, effect).filter(({ entries }) => entries === entriesDigest(facts.boot));
  if (inVain.length === 0) return;
  const { own } = partsOf(effect, wants.kernelArguments);
  if (isFutile(own, inVain, session)) {
    const text = `an earlier reboot did not bring ${words(own)}, and the boot entries are as they were: apply will not reboot for the same again without --reboot-again; see \`vfleet boot explain ${name}\``;
    warn(session, text);
  } else warn(session, `${describe(effect, session)}: apply will not reboot for that`);
}

/** Says that arguments of other playbooks did not come up, and whose they are. */
export function warnOfOthers(session: Session, others: Goal): void {
  warn(session, `${describe(others, session)}: that is left to a run of it`);
}

function isFutile(own: Goal, inVain: readonly FailedReboot[], { facts }: Session): boolean {
  const missing = unreached(own, facts);
  return inVain.some((failed) => isAbout(missing, failed));
}

/** Whether anything but what was in vain is a reason for a reboot. */
function hasMore(effect: RebootEffect, inVain: readonly FailedReboot[], { facts }: Session): boolean {
  const { present, absent } = unreached(effect, facts);
  const isKnown = (one: Goal) => inVain.some((failed) => isAbout(one, failed));
  return (
    ownReasons(effect.reason, inVain).length > 0 ||
    present.some((token) => !isKnown({ present: [token], absent: [] })) ||
    absent.some((name) => !isKnown({ present: [], absent: [name] }))
  );
}

function describe(goal: Goal, { facts, record, name }: Session): string {
  const missing = unreached(goal, facts);
  const owners = ownersOf(record, missing).map((owner) => `"${owner}"`);
  const whose = owners.length === 0 ? 'an earlier run' : `the playbook ${owners.join(' and ')}`;
  return `a reboot for ${words(missing)}, the goal of ${whose}, was in vain (\`vfleet boot explain ${name}\`); to undo that playbook, or --reboot-again, frees the host`;
}

function words({ present, absent }: Goal): string {
  return [...present, ...absent.map((name) => `no ${name}`)].join(' ');
}

function warn({ context, name }: Session, text: string): void {
  context.bus.emit({ type: 'warning', host: name, text });
}

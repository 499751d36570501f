import { bootDriver } from '../boot/choose-driver.ts';
import { isOutdated } from '../boot/grub-read-back.ts';
import type { Effect } from '../resources/effect.ts';
import { failedReboots, type Goal, isReached } from './breaker.ts';
import type { Session } from './session.ts';

/**
 * What is due on a host on which an earlier run only staged arguments for the reboot that it asked for: once the host has
 * booted anew they run, or they were lost with its power and are staged again. Any other reboot in vain stays one.
 */
export function dueAfterStaging(session: Session, reboot: Goal): readonly Effect[] {
  const { due, facts, record } = session;
  const isStaged = record.stamp !== null && hasStaged(session);
  if (!isStaged || record.stamp === facts.identity.bootId) return due;
  session.restaged = isLost(session, reboot);
  return session.restaged ? due : due.filter((effect) => effect.kind !== 'boot-configuration');
}

/**
 * Whether a reboot was in vain because what was staged for it is gone, for the first time that is known: power lost before
 * the shutdown made it final looks like this. The second time, what makes it final does not work.
 */
export function isLostOnce(session: Session, reboot: Goal): boolean {
  const { record, restaged } = session;
  return !restaged && failedReboots(record, reboot).length === 0 && hasStaged(session) && isLost(session, reboot);
}

/** Only what is staged stays due after it was read back. */
function hasStaged({ facts, record }: Session): boolean {
  const isPending = record.pending.some((effect) => effect.kind === 'boot-configuration');
  return isPending && bootDriver(facts).stages === true;
}

/** Neither the running system nor what boots next has what the reboot was for. */
function isLost({ facts }: Session, reboot: Goal): boolean {
  return !isReached(reboot, facts) && isOutdated(facts.boot.entries, reboot);
}

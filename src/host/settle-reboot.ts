import { VfleetError } from '../errors.ts';
import type { BootFacts } from '../facts/facts.ts';
import type { Effect } from '../resources/effect.ts';
import type { Script } from '../shell/script.ts';
import {
  entriesDigest,
  failedReboots,
  type Goal,
  isReached,
  ownersOf,
  partsOf,
  unreached,
  withFailure,
  withoutReached,
} from './breaker.ts';
import { drain } from './drain.ts';
import { renew, runHeld } from './hold.ts';
import { explainInactive } from './inactive.ts';
import { within } from './limits.ts';
import { withPower } from './power-cycle.ts';
import { probeHost } from './probe.ts';
import { awaitReboot, isRefusal, judgeRebootAnswer, rebootScript, secondsToBack } from './reboot.ts';
import { type RebootEffect, rebootStep, warnOfOthers } from './reboot-due.ts';
import { type FailedReboot, printRecord } from './record.ts';
import { recordDigest, recordTimeout, writeRecord } from './record-write.ts';
import type { Session } from './session.ts';
import { isLostOnce } from './staged.ts';

/** Why a reboot was in vain, for the record. */
type FailedWhy = Pick<FailedReboot, 'reason' | 'entries'>;

/** Reboots, unless the host has done so since the stamp; either way proves what it was for. */
export async function settleReboot(session: Session, effect: RebootEffect): Promise<void> {
  const { context, name } = session;
  const bootId = session.facts.identity.bootId;
  if (bootId === null) throw noBootId(name);
  const before = session.reboots;
  let asked: Asked = { bootId: session.record.stamp ?? bootId, boot: null };
  const step = await rebootStep(session, effect, bootId);
  if (step === 'leave') return;
  if (step === 'make') {
    asked = await within(session, 'rebooting', 'reboot', async () => {
      session.stopHere();
      await drain(session);
      session.stopHere();
      await context.bus.intend({ type: 'effect-intent', host: name, effect });
      return rebootNow(session, effect, bootId);
    });
  }
  session.enter('facts');
  session.facts = await probeHost(context, 'facts');
  session.stale = false;
  const { own, others } = partsOf(effect, session.wants.kernelArguments);
  const entries = entriesDigest(asked.boot ?? session.facts.boot);
  if (!isReached(own, session.facts)) {
    const isLost = isLostOnce(session, effect);
    if (!isLost) await keepFailures(session, [own, others], { reason: effect.reason, entries });
    const owners = ownersOf(session.record, unreached(own, session.facts));
    throw explainInactive(name, session.facts, own, isLost ? 'lost' : 'rebooted', owners);
  }
  await finish(session, effect, others, entries);
  // The reboot of an earlier run is proved here, but it is not one of this run's.
  const now = session.facts.identity.bootId ?? '';
  if (session.reboots > before)
    context.bus.emit({ type: 'rebooted', host: name, bootIdBefore: asked.bootId, bootIdAfter: now });
  context.bus.emit({ type: 'effect-done', host: name, effect });
}

/** Strikes what is done; what others have left due, and did not come up, stays due as a reboot in vain. */
async function finish(session: Session, effect: RebootEffect, others: Goal, entries: string): Promise<void> {
  const { reason } = effect;
  const reached = withoutReached(session.record, session.facts);
  const pending = reached.pending.filter(
    ({ kind }) => !['boot-configuration', 'udev', 'service', 'devices', 'reboot'].includes(kind),
  );
  const record = { ...reached, pending, stamp: null };
  if (isReached(others, session.facts)) return writeRecord(session, record);
  warnOfOthers(session, others);
  const left: Effect = { kind: 'reboot', reason, ...others };
  await writeRecord(session, {
    ...withFailure(record, others, { reason, entries }),
    pending: [...pending, left],
    stamp: session.facts.identity.bootId,
  });
}

/** Writes down that a reboot was in vain. What keeps it from that is less than what the operator is to hear. */
async function keepFailures(session: Session, goals: readonly Goal[], why: FailedWhy): Promise<void> {
  const missed = goals.filter((goal) => !isReached(goal, session.facts));
  // The first time counts: a later run without a reboot has seen no more than that.
  const news = missed.filter((goal) => session.reboots > 0 || failedReboots(session.record, goal).length === 0);
  if (news.length === 0) return;
  try {
    await writeRecord(
      session,
      news.reduce((record, goal) => withFailure(record, goal, why), session.record),
    );
  } catch (thrown) {
    if (!(thrown instanceof VfleetError)) throw thrown;
    session.context.bus.emit({ type: 'warning', host: session.name, text: thrown.message });
  }
}

/** What is known of a reboot that was asked for. */
interface Asked {
  /** The boot that it ended. */
  readonly bootId: string;
  /** The boot configuration with which the host went down; `null`: the answer was lost. */
  readonly boot: BootFacts | null;
}

/**
 * Reboots, and gives the boot id from before. When the host has booted meanwhile, that boot is the one to end, unless it is what
 * the reboot was for: it began after all was written, and the goal runs.
 */
async function rebootNow(session: Session, goal: Goal, bootId: string): Promise<Asked> {
  const { generatedIn, writes } = session;
  const isAfter = generatedIn === null ? writes === 0 : generatedIn === bootId;
  try {
    return { bootId, boot: await reboot(session, bootId) };
  } catch (thrown) {
    if (!(thrown instanceof VfleetError && thrown.code === 'reboot.moved')) throw thrown;
    session.facts = await probeHost(session.context, 'reboot');
    session.rebooted = true;
    const now = session.facts.identity.bootId ?? bootId;
    if (isAfter && isReached(goal, session.facts)) return { bootId: now, boot: null };
    return { bootId: now, boot: await reboot(session, now) };
  }
}

async function reboot(session: Session, bootId: string): Promise<BootFacts | null> {
  const { context, name } = session;
  const { abandon, guestsAllowed } = context;
  session.enter('reboot');
  // The same request each time, whatever is known of the first one.
  const { recordDigest: expected, record } = session;
  const request = (lease: Script): Script => rebootScript(expected, record, bootId, guestsAllowed, lease);
  const back = secondsToBack(context);
  let answer: BootFacts | null = null;
  let first = true;
  const earlier = session.reboots;
  const ask = async (): Promise<boolean> => {
    if (answer !== null) {
      // It was asked, and has not gone down: its lease would run out as that of a host at work.
      await renew(session, abandon);
      return false;
    }
    try {
      const output = await runHeld(session, request, { signal: abandon, timeout: recordTimeout, back });
      answer = judgeRebootAnswer(output, name, session.facts);
      session.reboots = earlier + 1;
    } catch (thrown) {
      if (!(thrown instanceof VfleetError)) throw thrown;
      // Another boot than the one that was asked about: by our own request, or, at the first time, by somebody else.
      if (thrown.code === 'reboot.moved' && !first) return false;
      // Where nobody was logged in, nothing was begun; where the link broke, it may have been.
      if (thrown.code === 'ssh.lost' || thrown.code === 'shell.timeout') session.reboots = earlier + 1;
      if (isRefusal(thrown)) session.reboots = earlier;
      // The link may break before the answer, or the host may be on its way: the boot id will tell.
      if (!/^ssh\.|^shell\.timeout$/.test(thrown.code)) throw thrown;
    } finally {
      first = false;
    }
    return true;
  };
  session.begun = true;
  await ask();
  session.away = true;
  session.record = { ...session.record, stamp: bootId };
  session.recordDigest = recordDigest(printRecord(session.record));
  await withPower(session, () => awaitReturn(session, bootId, ask));
  return answer;
}

/** Waits until the host is back. While it is away, nobody renews its lease or gives it back: it lasts for the reboot. */
async function awaitReturn(session: Session, stamp: string, askAgain: () => Promise<boolean>): Promise<void> {
  const { context, name } = session;
  const { shell, clock, abandon, reboot: policy } = context;
  try {
    await awaitReboot({
      shell,
      stamp,
      policy,
      clock,
      abandon,
      onAttempt: (text) => context.bus.emit({ type: 'progress', host: name, line: text }),
      askAgain,
    });
  } catch (thrown) {
    if (thrown instanceof VfleetError && isRefusal(thrown)) session.away = false;
    throw thrown;
  }
  session.rebooted = true;
  session.away = false;
}

function noBootId(host: string): VfleetError {
  return new VfleetError({
    code: 'reboot.no-boot-id',
    host,
    thing: '/proc/sys/kernel/random/boot_id',
    expected: 'a boot id, by which a reboot is proved',
    found: 'nothing that can be read',
    next: 'reboot the host by hand and run `vfleet verify`',
  });
}

import { VfleetError } from '../errors.ts';
import type { BootFacts } from '../facts/facts.ts';
import type { Effect } from '../resources/effect.ts';
import type { Script } from '../shell/script.ts';
import { entriesDigest, failedReboot, isReached, withFailure, withoutFailure } from './breaker.ts';
import { drain } from './drain.ts';
import { runHeld } from './hold.ts';
import { explainInactive } from './inactive.ts';
import { within } from './limits.ts';
import { withPower } from './power-cycle.ts';
import { probeHost } from './probe.ts';
import { awaitReboot, isRefusal, judgeRebootAnswer, rebootScript } from './reboot.ts';
import { printRecord } from './record.ts';
import { recordDigest, recordTimeout, writeRecord } from './record-write.ts';
import type { Session } from './session.ts';
import { isLostOnce } from './staged.ts';

/** A reboot that is due, with what must run afterwards. */
export type RebootEffect = Extract<Effect, { kind: 'reboot' }>;

/** Reboots, unless the host has done so since the stamp; either way proves what it was for. */
export async function settleReboot(session: Session, effect: RebootEffect): Promise<void> {
  const { context, name } = session;
  const bootId = session.facts.identity.bootId;
  if (bootId === null) throw noBootId(name);
  const before = session.reboots;
  let asked: Asked = { bootId: session.record.stamp ?? bootId, boot: null };
  if (await isToBeMade(session, effect, bootId)) {
    asked = await within(session, 'rebooting', 'reboot', async () => {
      session.stopHere();
      await drain(session);
      session.stopHere();
      await context.bus.intend({ type: 'effect-intent', host: name, effect });
      return rebootNow(session, bootId);
    });
  }
  session.enter('facts');
  session.facts = await probeHost(context, 'facts');
  session.stale = false;
  if (!isReached(effect, session.facts)) {
    const isLost = isLostOnce(session, effect);
    if (!isLost) await keepFailure(session, effect, entriesDigest(asked.boot ?? session.facts.boot));
    throw explainInactive(name, session.facts, effect, isLost ? 'lost' : 'rebooted');
  }
  const done = withoutFailure(session.record, effect);
  await writeRecord(session, {
    ...done,
    pending: done.pending.filter((pending) => !['boot-configuration', 'service', 'reboot'].includes(pending.kind)),
    stamp: null,
  });
  // The reboot of an earlier run is proved here, but it is not one of this run's.
  const now = session.facts.identity.bootId ?? '';
  if (session.reboots > before)
    context.bus.emit({ type: 'rebooted', host: name, bootIdBefore: asked.bootId, bootIdAfter: now });
  context.bus.emit({ type: 'effect-done', host: name, effect });
}

/**
 * Whether there is a reboot to be made. The same one is not made twice while nothing has changed in between, whatever
 * else has become due since. Errors: `reboot.arguments-not-active`.
 */
async function isToBeMade(session: Session, effect: RebootEffect, bootId: string): Promise<boolean> {
  const { context, record, name } = session;
  const isDue = record.stamp === null || record.stamp === bootId;
  const failed = failedReboot(record, effect);
  if (failed === undefined && !context.rebootAgain) return isDue;
  // What was generated meanwhile is not in the facts yet.
  if (session.stale) session.facts = await probeHost(context, 'facts');
  if (isReached(effect, session.facts)) return isDue;
  if (context.rebootAgain || failed?.entries !== entriesDigest(session.facts.boot)) return true;
  // A reboot by hand from here on is one that everything has been written for.
  if (isDue) await writeRecord(session, { ...record, stamp: session.facts.identity.bootId });
  throw explainInactive(name, session.facts, effect, 'not again');
}

/** Says in a plan that its reboot is one that was in vain before. Configured anew, the entries may differ by then. */
export function warnInVain({ context, due, facts, name, record }: Session): void {
  const effect = due.find((one): one is RebootEffect => one.kind === 'reboot');
  const failed = effect === undefined ? undefined : failedReboot(record, effect);
  if (effect === undefined || failed === undefined || isReached(effect, facts)) return;
  if (failed.entries !== entriesDigest(facts.boot)) return;
  const goal = [...effect.present, ...effect.absent.map((absent) => `no ${absent}`)].join(' ');
  const text = `an earlier reboot did not bring ${goal}, and the boot entries are as they were: apply will not reboot for the same again without --reboot-again; see \`vfleet boot explain ${name}\``;
  context.bus.emit({ type: 'warning', host: name, text });
}

/** Writes down that a reboot was in vain. What keeps it from that is less than what the operator is to hear. */
async function keepFailure(session: Session, effect: RebootEffect, entries: string): Promise<void> {
  // The first time counts: a later run without a reboot has seen no more than that.
  if (session.reboots === 0 && failedReboot(session.record, effect) !== undefined) return;
  try {
    await writeRecord(session, withFailure(session.record, effect, entries));
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

/** Reboots, and gives the boot id from before. When the host has booted meanwhile, that boot is the one to end. */
async function rebootNow(session: Session, bootId: string): Promise<Asked> {
  try {
    return { bootId, boot: await reboot(session, bootId) };
  } catch (thrown) {
    if (!(thrown instanceof VfleetError && thrown.code === 'reboot.moved')) throw thrown;
    session.facts = await probeHost(session.context, 'reboot');
    const now = session.facts.identity.bootId ?? bootId;
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
  // Nobody else may work on it before it is back, as long as it is waited for.
  const waits = context.power === undefined ? 1 : 2;
  const back = Math.ceil((context.reboot.deadline * waits) / 1000);
  let answer: BootFacts | null = null;
  let first = true;
  const earlier = session.reboots;
  const ask = async (): Promise<boolean> => {
    if (answer !== null) return false;
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

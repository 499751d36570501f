import { leftoverArguments, missingArguments } from '../boot/arguments.ts';
import { VfleetError } from '../errors.ts';
import type { Effect } from '../resources/effect.ts';
import { explainInactive } from './inactive.ts';
import { probeHost } from './probe.ts';
import { awaitReboot, isRefusal, judgeRebootAnswer, rebootScript } from './reboot.ts';
import { printRecord } from './record.ts';
import { recordDigest, recordTimeout, writeRecord } from './record-write.ts';
import type { Session } from './session.ts';

/** A reboot that is due, with what must run afterwards. */
export type RebootEffect = Extract<Effect, { kind: 'reboot' }>;

/** Reboots, unless the host has done so since the stamp; either way proves what it was for. */
export async function settleReboot(session: Session, effect: RebootEffect): Promise<void> {
  const { context, name } = session;
  const bootId = session.facts.identity.bootId;
  if (bootId === null) throw noBootId(name);
  const { stamp } = session.record;
  const before = session.reboots;
  let old = stamp;
  if (stamp === null || stamp === bootId) {
    session.stopHere();
    await context.bus.intend({ type: 'effect-intent', host: name, effect });
    old = await rebootNow(session, bootId);
  }
  session.enter('facts');
  session.facts = await probeHost(context, 'facts');
  session.stale = false;
  const now = session.facts.identity.bootId;
  const missing = missingArguments(effect.present, session.facts.boot.running);
  const leftover = leftoverArguments(effect.absent, session.facts.boot.running);
  if (missing.length > 0 || leftover.length > 0) throw explainInactive(name, session.facts, missing, leftover);
  await writeRecord(session, {
    ...session.record,
    pending: session.record.pending.filter((pending) => pending.kind !== 'reboot' && pending.kind !== 'service'),
    stamp: null,
  });
  // The reboot of an earlier run is proved here, but it is not one of this run's.
  if (session.reboots > before)
    context.bus.emit({ type: 'rebooted', host: name, bootIdBefore: old ?? '', bootIdAfter: now ?? '' });
  context.bus.emit({ type: 'effect-done', host: name, effect });
}

/** Reboots, and gives the boot id from before. When the host has booted meanwhile, that boot is the one to end. */
async function rebootNow(session: Session, bootId: string): Promise<string> {
  try {
    await reboot(session, bootId);
    return bootId;
  } catch (thrown) {
    if (!(thrown instanceof VfleetError && thrown.code === 'reboot.moved')) throw thrown;
    session.facts = await probeHost(session.context, 'reboot');
    const now = session.facts.identity.bootId ?? bootId;
    await reboot(session, now);
    return now;
  }
}

async function reboot(session: Session, bootId: string): Promise<void> {
  const { context, name } = session;
  const { shell, clock, abandon, guestsAllowed } = context;
  session.enter('reboot');
  const request = rebootScript(session.recordDigest, session.record, bootId, guestsAllowed);
  let answered = false;
  let first = true;
  const earlier = session.reboots;
  const ask = async (): Promise<boolean> => {
    if (answered) return false;
    try {
      judgeRebootAnswer(await shell.run(request, { signal: abandon, timeout: recordTimeout }), name);
      answered = true;
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
  session.record = { ...session.record, stamp: bootId };
  session.recordDigest = recordDigest(printRecord(session.record));
  await awaitReboot({
    shell,
    stamp: bootId,
    policy: context.reboot,
    clock,
    abandon,
    onAttempt: (text) => context.bus.emit({ type: 'progress', host: name, line: text }),
    askAgain: ask,
  });
  session.rebooted = true;
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

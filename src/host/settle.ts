import { leftoverArguments, missingArguments } from '../boot/arguments.ts';
import { bootDriver } from '../boot/choose-driver.ts';
import { initramfsScript } from '../boot/initramfs.ts';
import { VfleetError } from '../errors.ts';
import type { Effect } from '../resources/effect.ts';
import { mergeEffects } from '../resources/effect-order.ts';
import { joinScripts, type Script, sh } from '../shell/script.ts';
import { explainInactive } from './inactive.ts';
import { type Job, type JobResult, jobScript, parseJob, workLines } from './job.ts';
import { probeHost } from './probe.ts';
import { awaitReboot, judgeRebootAnswer, rebootScript } from './reboot.ts';
import { printRecord } from './record.ts';
import { recordDigest, recordTimeout, writeRecord } from './record-write.ts';
import type { Session } from './session.ts';

type RebootEffect = Extract<Effect, { kind: 'reboot' }>;

/** Longest time for building images and configurations on one host, in milliseconds. */
const jobDeadline = 1_800_000;

/**
 * Consumes what is due, in fixed order: initramfs, boot configuration, services, reboot. What is consumed is struck from
 * the record on the host only after it has been proved, so that a run that dies here is continued by the next.
 */
export async function settle(session: Session): Promise<void> {
  if (session.due.length === 0 || session.context.mode === 'verify') return;
  session.settled = mergeEffects([...session.settled, ...session.due]);
  if (session.context.mode === 'plan') {
    session.tentative ||= session.due.some((effect) => effect.kind === 'reboot');
    session.due = [];
    return;
  }
  session.enter('settle');
  session.stopHere();
  const quick = session.due.filter((effect) => effect.kind !== 'reboot');
  if (quick.length > 0) await regenerate(session, quick);
  const reboot = session.due.find((effect): effect is RebootEffect => effect.kind === 'reboot');
  if (reboot !== undefined) await settleReboot(session, reboot);
  session.due = [];
}

async function regenerate(session: Session, effects: readonly Effect[]): Promise<void> {
  const { context, facts, name } = session;
  for (const effect of effects) await context.bus.intend({ type: 'effect-intent', host: name, effect });
  const configuration = effects.find((effect) => effect.kind === 'boot-configuration');
  const job: Job = {
    id: `${context.run}-${session.step}`,
    work: joinScripts(effects.map((effect) => workOf(session, effect))),
    readBack: configuration === undefined ? sh`:` : bootDriver(facts).readBack(facts),
  };
  session.stale = true;
  session.begun = true;
  const { code, log, generated } = await follow(session, job);
  if (code !== 0) throw jobFailed(name, effects, code, log);
  if (configuration !== undefined) {
    const problems = bootDriver(facts).judgeReadBack(generated, configuration);
    if (problems.length > 0) throw notGenerated(name, problems);
  }
  for (const effect of effects) context.bus.emit({ type: 'effect-done', host: name, effect });
  const done = new Set(effects.map((effect) => effect.kind));
  const left = session.record.pending.filter((effect) => !done.has(effect.kind));
  // A reboot stamps the record in its own round trip; writing it twice would prove nothing more.
  if (left.some((effect) => effect.kind === 'reboot'))
    session.record = { ...session.record, pending: left, stamp: null };
  else await writeRecord(session, { ...session.record, pending: left });
}

/** Follows the job to its end, logging in again whenever the link is lost. */
async function follow(session: Session, job: Job): Promise<JobResult & { readonly generated: string }> {
  const { shell, clock, bus, abandon } = session.context;
  let answered = clock.now();
  for (;;) {
    try {
      const output = await shell.run(jobScript(job), {
        timeout: jobDeadline,
        signal: abandon,
        onLine: workLines(job, (line) => {
          answered = clock.now();
          bus.emit({ type: 'progress', host: session.name, line });
        }),
      });
      const generated = output.sections.get('boot-entries')?.toString('utf8') ?? '';
      return { ...parseJob(output, session.name), generated };
    } catch (thrown) {
      const again =
        thrown instanceof VfleetError && ['ssh.lost', 'ssh.unreachable', 'ssh.timeout'].includes(thrown.code);
      if (!again || abandon.aborted) throw thrown;
      if (thrown.code === 'ssh.lost') answered = clock.now();
      else {
        session.stopHere();
        if (clock.now() - answered > session.context.reboot.deadline) throw gone(session, thrown);
      }
      session.enter('settle', 'the link was lost; logging in again');
      await clock.sleep(session.context.reboot.firstPause, abandon);
    }
  }
}

function workOf(session: Session, effect: Effect): Script {
  switch (effect.kind) {
    case 'initramfs':
      return sh`( ${initramfsScript(session.facts)} ) || exit`;
    case 'boot-configuration':
      return sh`( ${bootDriver(session.facts).regenerate(session.facts)} ) || exit`;
    case 'service':
      return sh`systemctl restart ${effect.unit} || { code=$?; echo ${`systemctl restart ${effect.unit} failed`}; exit $code; }`;
    case 'reboot':
      throw new Error('a reboot is no job');
  }
}

/** Reboots, unless the host has done so since the stamp; either way proves what it was for. */
async function settleReboot(session: Session, effect: RebootEffect): Promise<void> {
  const { context, name } = session;
  const bootId = session.facts.identity.bootId;
  if (bootId === null) throw noBootId(name);
  const { stamp } = session.record;
  let before = stamp;
  if (stamp === null || stamp === bootId) {
    session.stopHere();
    await context.bus.intend({ type: 'effect-intent', host: name, effect });
    before = await rebootNow(session, bootId);
  }
  session.enter('facts');
  session.facts = await probeHost(context);
  session.stale = false;
  const after = session.facts.identity.bootId;
  const missing = missingArguments(effect.present, session.facts.boot.running);
  const leftover = leftoverArguments(effect.absent, session.facts.boot.running);
  if (missing.length > 0 || leftover.length > 0) throw explainInactive(name, session.facts, missing, leftover);
  await writeRecord(session, {
    ...session.record,
    pending: session.record.pending.filter((pending) => pending.kind !== 'reboot' && pending.kind !== 'service'),
    stamp: null,
  });
  if (before !== after)
    context.bus.emit({ type: 'rebooted', host: name, bootIdBefore: before ?? '', bootIdAfter: after ?? '' });
  context.bus.emit({ type: 'effect-done', host: name, effect });
}

/** Reboots, and gives the boot id from before. When the host has booted meanwhile, that boot is the one to end. */
async function rebootNow(session: Session, bootId: string): Promise<string> {
  try {
    await reboot(session, bootId);
    return bootId;
  } catch (thrown) {
    if (!(thrown instanceof VfleetError && thrown.code === 'reboot.moved')) throw thrown;
    session.facts = await probeHost(session.context);
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
  const ask = async (): Promise<boolean> => {
    if (answered) return false;
    try {
      judgeRebootAnswer(await shell.run(request, { signal: abandon, timeout: recordTimeout }), name);
      answered = true;
    } catch (thrown) {
      if (!(thrown instanceof VfleetError)) throw thrown;
      // Another boot than the one that was asked about: by our own request, or, at the first time, by somebody else.
      if (thrown.code === 'reboot.moved' && !first) return false;
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
  session.reboots += 1;
  await awaitReboot({
    shell,
    stamp: bootId,
    policy: context.reboot,
    clock,
    abandon,
    onAttempt: (text) => context.bus.emit({ type: 'progress', host: name, line: text }),
    askAgain: ask,
  });
}

/** It went down in the middle of the job and stays away as long as no reboot may take. */
function gone(session: Session, last: VfleetError): VfleetError {
  return new VfleetError({
    code: 'settle.lost',
    host: session.name,
    thing: 'the regeneration of the boot configuration',
    expected: 'to hear how it ended',
    found: last.parts.found ?? last.message,
    next: 'look at its console; when it is up again, run `vfleet apply` again: it goes on from here',
  });
}

function jobFailed(host: string, effects: readonly Effect[], code: number, log: string): VfleetError {
  return new VfleetError({
    code: 'settle.job-failed',
    host,
    thing: effects
      .map((effect) => (effect.kind === 'service' ? `restarting ${effect.unit}` : `regenerating the ${effect.kind}`))
      .join(', '),
    expected: 'exit code 0',
    found: `exit code ${code}: ${log.split('\n').slice(-5).join(' | ') || 'no output'}`,
    next: 'mend the cause on the host and run `vfleet apply` again; nothing was rebooted',
  });
}

function notGenerated(host: string, problems: readonly string[]): VfleetError {
  return new VfleetError({
    code: 'settle.not-generated',
    host,
    thing: 'the generated boot configuration',
    expected: 'every boot entry with the wished arguments',
    found: problems.join('; '),
    next: 'look for what else sets the kernel arguments on the host; nothing was rebooted',
  });
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

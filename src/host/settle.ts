import { createHash } from 'node:crypto';
import { bootDriver } from '../boot/choose-driver.ts';
import { guardedEntries } from '../boot/guard-entries.ts';
import { initramfsScript } from '../boot/initramfs.ts';
import { holdScript } from '../devices/hold.ts';
import { udevScript } from '../devices/udev.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { Effect } from '../resources/effect.ts';
import { mergeEffects } from '../resources/effect-order.ts';
import { joinScripts, type Script, sh } from '../shell/script.ts';
import type { HostContext } from './context.ts';
import { runHeld } from './hold.ts';
import { type Job, type JobResult, jobScript, parseJob, workLines } from './job.ts';
import { unknownHolder } from './lease.ts';
import { within } from './limits.ts';
import { isAway } from './reboot.ts';
import { type RebootEffect, warnInVain } from './reboot-due.ts';
import { writeRecord } from './record-write.ts';
import { serviceScript } from './service.ts';
import type { Session } from './session.ts';
import { settleReboot } from './settle-reboot.ts';
import { dueAfterStaging } from './staged.ts';

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
    warnInVain(session);
    session.tentative ||= session.due.some((effect) => effect.kind === 'reboot');
    session.due = [];
    return;
  }
  session.enter('settle');
  session.stopHere();
  const reboot = session.due.find((effect): effect is RebootEffect => effect.kind === 'reboot');
  if (reboot !== undefined) session.due = dueAfterStaging(session, reboot);
  const quick = session.due.filter((effect) => effect.kind !== 'reboot');
  if (quick.length > 0) await regenerate(session, quick);
  if (reboot !== undefined) await settleReboot(session, reboot);
  session.due = [];
}

/**
 * Consumes what is due, but makes no reboot: that is left to whoever asks for it. `gone`: names of arguments that no boot
 * entry may show any more.
 */
export async function settleQuietly(session: Session, gone: readonly string[]): Promise<void> {
  if (session.due.length === 0) return;
  session.settled = mergeEffects([...session.settled, ...session.due]);
  if (session.context.mode === 'apply') {
    session.enter('settle');
    session.stopHere();
    await regenerate(session, session.due, gone);
  }
  session.due = [];
}

/** `gone`: no reboot follows, and no boot entry may show these names. */
async function regenerate(session: Session, effects: readonly Effect[], gone?: readonly string[]): Promise<void> {
  const { context, facts, name } = session;
  for (const effect of effects) await context.bus.intend({ type: 'effect-intent', host: name, effect });
  const configuration = effects.find((effect) => effect.kind === 'boot-configuration');
  const job: Omit<Job, 'admission'> = {
    id: jobId(context, session.step),
    work: joinScripts(effects.map((effect) => workOf(session, effect, gone !== undefined))),
    readBack: joinScripts([
      sh`section generated-in; cat /proc/sys/kernel/random/boot_id`,
      configuration === undefined ? sh`:` : bootDriver(facts).readBack(facts),
    ]),
  };
  session.stale = true;
  session.begun = true;
  const { code, log, generated, generatedIn } = await within(session, 'applying', 'settle', () => follow(session, job));
  session.generatedIn = generatedIn;
  const guarded = guardedEntries(log);
  if (code !== 0 && guarded.length > 0) throw argumentsLost(name, facts, guarded);
  if (code !== 0) throw jobFailed(name, effects, code, log);
  if (configuration !== undefined) {
    const absent = [...configuration.absent, ...(gone ?? [])];
    const problems = bootDriver(facts).judgeReadBack(generated, { ...configuration, absent });
    if (problems.length > 0) throw notGenerated(name, problems);
  }
  for (const effect of effects) context.bus.emit({ type: 'effect-done', host: name, effect });
  const done = new Set(effects.map((effect) => effect.kind));
  const { pending } = session.record;
  const reboots = gone === undefined && pending.some((effect) => effect.kind === 'reboot');
  // What is only staged is proved by the reboot.
  if (reboots && configuration !== undefined && bootDriver(facts).stages) done.delete('boot-configuration');
  const left = pending.filter((effect) => !done.has(effect.kind));
  // A reboot stamps the record in its own round trip; writing it twice would prove nothing more.
  if (reboots) session.record = { ...session.record, pending: left, stamp: null };
  else await writeRecord(session, { ...session.record, pending: left });
}

/**
 * A job of an earlier part of the run, that failed or was for less, is another one: the host's lock keeps them apart. So is one of
 * the same part that goes on from a copy of the journal: what that controller has built is not what this one wants built.
 */
function jobId({ run, part = 1, holder = unknownHolder }: HostContext, step: number): string {
  const controller = createHash('sha256').update(holder.process).digest('hex').slice(0, 8);
  return `${run}-part${part}-${controller}-${step}`;
}

/** Follows the job to its end, logging in again whenever the link is lost. */
async function follow(
  session: Session,
  job: Omit<Job, 'admission'>,
): Promise<JobResult & { readonly generated: string; readonly generatedIn: string }> {
  const { shell, clock, bus, abandon, reboot } = session.context;
  let answered = clock.now();
  let lost = false;
  let pause = reboot.firstPause;
  for (;;) {
    try {
      const output = await runHeld(session, (admission) => jobScript({ ...job, admission }), {
        timeout: jobDeadline,
        signal: abandon,
        onLine: workLines(job.id, (line) => {
          answered = clock.now();
          bus.emit({ type: 'progress', host: session.name, line });
        }),
      });
      const text = (section: string): string => output.sections.get(section)?.toString('utf8') ?? '';
      const [generated, generatedIn] = [text('boot-entries'), text('generated-in').trim()];
      return { ...parseJob(output, session.name), generated, generatedIn };
    } catch (thrown) {
      const again = thrown instanceof VfleetError && (lost ? isAway(thrown) : isLinkProblem(thrown));
      if (!again || abandon.aborted) throw thrown;
      // Told once for each loss: a host that stays away for minutes is no news each second.
      if (!lost || thrown.code === 'ssh.lost') {
        session.enter('settle', 'the link was lost; logging in again');
        pause = reboot.firstPause;
      }
      lost = true;
      if (thrown.code === 'ssh.lost') answered = clock.now();
      else {
        session.stopHere();
        if (clock.now() - answered > reboot.deadline) throw gone(session, thrown);
      }
      // A channel may be lost alone, as when the host goes down.
      await shell.disconnect();
      await clock.sleep(pause, abandon);
      pause = Math.min(pause * 1.5, reboot.longestPause);
    }
  }
}

function isLinkProblem({ code }: VfleetError): boolean {
  return code === 'ssh.lost' || code === 'ssh.unreachable' || code === 'ssh.timeout';
}

/** `leaving`: the effects are those of an undo. */
function workOf(session: Session, effect: Effect, leaving: boolean): Script {
  switch (effect.kind) {
    case 'initramfs':
      return sh`( ${initramfsScript(session.facts)} ) || exit`;
    case 'boot-configuration':
      return sh`( ${bootDriver(session.facts).regenerate(session.facts, effect)} ) || exit`;
    case 'udev':
      return sh`( ${udevScript(effect)} ) || exit`;
    case 'devices':
      return sh`( ${holdScript(effect.devices)} ) || exit`;
    case 'service':
      return sh`( ${serviceScript(effect.unit, leaving)} ) || exit`;
    case 'reboot':
      throw new Error('a reboot is no job');
  }
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
    thing: effects.map(actOf).join(', '),
    expected: 'exit code 0',
    found: `exit code ${code}: ${log.split('\n').slice(-5).join(' | ') || 'no output'}`,
    next: 'mend the cause on the host and run `vfleet apply` again; nothing was rebooted',
  });
}

function actOf(effect: Effect): string {
  if (effect.kind === 'service') return `${effect.gone === true ? 'stopping' : 'restarting'} ${effect.unit}`;
  if (effect.kind === 'udev') return "applying udev's rules";
  if (effect.kind === 'devices')
    return `giving ${effect.devices.map(({ address }) => address).join(', ')} to their drivers`;
  return `regenerating the ${effect.kind}`;
}

function argumentsLost(host: string, { boot }: Facts, entries: readonly string[]): VfleetError {
  return new VfleetError({
    code: 'boot.lost-arguments',
    host,
    thing: `the boot entries in ${boot.configPath}`,
    expected: 'arguments that are configured, too',
    found: `${entries.join('; ')}, which generating anew would drop`,
    next: `add them to GRUB_CMDLINE_LINUX in /etc/default/grub, or take them out of the boot entries, and run \`vfleet apply\` again; ${boot.configPath} is as it was, nothing was rebooted`,
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

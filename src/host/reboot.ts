import { VfleetError } from '../errors.ts';
import { bootProbe, parseBoot } from '../facts/boot.ts';
import type { BootFacts, Facts } from '../facts/facts.ts';
import { guestsNow } from '../facts/guests.ts';
import { type Script, sh } from '../shell/script.ts';
import type { Output, Shell } from '../shell/shell.ts';
import type { HostContext } from './context.ts';
import type { HostRecord } from './record.ts';
import { recordChanged, replaceRecord } from './record-write.ts';

/** How long to wait for a host, in milliseconds. */
export interface RebootPolicy {
  /** From the request until the host must be back. Default: 15 minutes. */
  readonly deadline: number;
  /** Before the first log-in; doubled after each, up to `longestPause`. */
  readonly firstPause: number;
  readonly longestPause: number;
}

export const defaultRebootPolicy: RebootPolicy = { deadline: 900_000, firstPause: 1_000, longestPause: 15_000 };

/** Time as the host run needs it. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Asks for the reboot in one round trip: refuses while guests run, or when the host has booted since; then stamps the
 * record with the boot id, and only then reboots, detached, so that the answer still arrives.
 */
export function rebootScript(
  expected: string,
  record: HostRecord,
  bootId: string,
  guestsAllowed: boolean,
  lease: Script,
): Script {
  return sh`
# A link that breaks while this runs must not stop it between the stamp and the reboot.
trap '' HUP PIPE
if [ "$(cat /proc/sys/kernel/random/boot_id)" != ${bootId} ]; then section moved; exit 76; fi
if [ ${guestsAllowed ? 'yes' : 'no'} = no ]; then
${guestsNow}
  if [ -n "$guests" ]; then section guests; echo "$guests"; exit 77; fi
fi
${bootProbe}
${replaceRecord(expected, { ...record, stamp: bootId }, lease)}
command='sleep 1; systemctl reboot || reboot || shutdown -r now'
if command -v systemd-run >/dev/null 2>&1 && [ -d /run/systemd/system ] &&
  systemd-run --unit="vfleet-reboot-$$" /bin/sh -c "$command" >/dev/null 2>&1
then :
else setsid /bin/sh -c "$command" </dev/null >/dev/null 2>&1 9>&- &
fi
section rebooting
`;
}

/**
 * Judges the answer; gives the boot configuration with which the host goes down. Errors: `guests.running` (refused),
 * `reboot.moved`, `reboot.not-asked`.
 */
export function judgeRebootAnswer(output: Output, host: string, facts: Facts): BootFacts {
  const { sections } = output;
  if (sections.has('rebooting')) return parseBoot(sections, facts);
  const guests = sections.get('guests')?.toString('utf8').trim();
  if (guests !== undefined) {
    throw new VfleetError({
      code: 'guests.running',
      host,
      thing: 'the reboot that is due',
      expected: 'no running guests',
      found: guests.replaceAll('\n', ', '),
      next: 'stop or migrate the guests and run `vfleet apply` again, or allow it with --reboot-with-guests',
    });
  }
  if (sections.has('changed')) throw recordChanged(host);
  if (sections.has('moved')) {
    throw new VfleetError({
      code: 'reboot.moved',
      host,
      thing: 'the reboot that is due',
      expected: 'the boot that the plan was made for',
      found: 'that the host has rebooted in the meantime',
      next: 'run `vfleet apply` again',
    });
  }
  throw new VfleetError({
    code: 'reboot.not-asked',
    host,
    thing: 'the request to reboot',
    expected: 'that it is written down and accepted',
    found: sections.has('busy')
      ? 'the host lock held by another run'
      : output.stderr.trim() || `exit code ${output.code}`,
    next: 'run `vfleet apply` again',
  });
}

/**
 * Whether an error may be one of a host that is away or still coming up. While systemd boots, `pam_nologin` refuses
 * everybody but root: sshd then refuses the key, closes the channel, or ends the command, and sudo may not know its users
 * yet. Source: pam_nologin(8), systemd-user-sessions.service(8).
 */
export function isAway({ code }: VfleetError): boolean {
  if (code.startsWith('ssh.host-key') || code === 'shell.timeout') return false;
  return /^(?:ssh|shell|sudo)\./.test(code);
}

/** Seconds of the next boot for which nobody else may work on a host: as long as it is waited for. */
export function secondsToBack({ reboot, power }: Pick<HostContext, 'reboot' | 'power'>): number {
  return Math.ceil((reboot.deadline * (power === undefined ? 1 : 2)) / 1000);
}

export interface Wait {
  readonly shell: Shell;
  readonly stamp: string;
  readonly policy: RebootPolicy;
  readonly clock: Clock;
  /** Aborted: waiting is given up; the host goes on by itself. */
  readonly abandon: AbortSignal;
  readonly onAttempt: (text: string) => void;
  /**
   * Asks for the reboot once more, while nobody knows whether the first request arrived: called when the host answers with
   * the boot from before. `false`: there is no need any more.
   */
  readonly askAgain: () => Promise<boolean>;
}

/** Whether an error is the host's own refusal of the request. */
export function isRefusal({ code }: VfleetError): boolean {
  return code === 'guests.running' || code === 'host.changed' || code === 'host.leased';
}

/**
 * Waits until the host answers a full log-in with another boot id. A bare port is never polled: OpenSSH 9.8 and later
 * punish connections that do not authenticate (`PerSourcePenalties`, sshd_config(5)). Errors: `reboot.lost` (it does not
 * answer), `reboot.not-started` (it answers, but has not rebooted), `interrupted`, `ssh.host-key-changed`, and what refuses
 * the request when it is asked once more.
 */
export async function awaitReboot({
  shell,
  stamp,
  policy,
  clock,
  abandon,
  onAttempt,
  askAgain,
}: Wait): Promise<string> {
  const begun = clock.now();
  let pause = policy.firstPause;
  let last = 'no log-in tried yet';
  let answered = false;
  for (;;) {
    await shell.disconnect();
    await clock.sleep(pause, abandon);
    if (abandon.aborted) throw abandoned(shell.host);
    pause = Math.min(pause * 1.5, policy.longestPause);
    try {
      const output = await shell.run(sh`cat /proc/sys/kernel/random/boot_id`, { timeout: 30_000, signal: abandon });
      const bootId = output.stdout.toString('utf8').trim();
      if (output.code === 0 && bootId !== '' && bootId !== stamp) return bootId;
      answered = true;
      last = bootId === stamp ? 'it still runs the boot from before' : `an odd answer: ${bootId.slice(0, 80)}`;
      if (bootId === stamp && (await askAgain())) last = 'the reboot was asked for once more';
    } catch (thrown) {
      // No waiting changes another host key, or the refusal of a request that was made once more.
      const ends = !(thrown instanceof VfleetError) || thrown.code.startsWith('ssh.host-key') || isRefusal(thrown);
      if (ends) throw thrown;
      answered = thrown.code === 'reboot.not-asked';
      last = `not back yet: ${thrown.parts.found ?? thrown.message}`;
    }
    onAttempt(last);
    if (clock.now() - begun > policy.deadline) throw notBack(shell.host, policy, answered, last);
  }
}

function notBack(host: string, policy: RebootPolicy, answered: boolean, last: string): VfleetError {
  const minutes = Math.round(policy.deadline / 6_000) / 10;
  return new VfleetError({
    code: answered ? 'reboot.not-started' : 'reboot.lost',
    host,
    thing: 'the reboot',
    expected: `a new boot within ${minutes} minutes`,
    found: last,
    next: answered
      ? 'look on the host for what holds the shutdown up (`systemd-inhibit --list`), then run `vfleet apply` again'
      : 'look at its console; when it is up again, run `vfleet apply` again: it goes on from here',
  });
}

function abandoned(host: string): VfleetError {
  return new VfleetError({
    code: 'interrupted',
    host,
    thing: 'the reboot',
    expected: 'to see it come back',
    found: 'that the wait was interrupted while it rebooted',
    next: 'run `vfleet apply` again: it goes on from here',
  });
}

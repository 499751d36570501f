import type { Command } from '../../events/event.ts';
import { exitCode, exitCodes, hasFailed } from '../exit-code.ts';
import type { HostSummary, Summary } from '../summary.ts';

const most = 8;

/**
 * What to run next, as a command and why; `null` when there is nothing to do. `given` is what the user gave beside the
 * command: `playbooks/passthrough.ts -i inventory`; `limit` how the hosts were limited: `-l rack:r12`; `flags` what more of it
 * a command takes.
 */
export function nextCommand(
  summary: Summary,
  given: string,
  limit = '',
  flags: (next: Command, narrowed: boolean) => string = () => '',
): string | null {
  const { command, run, hosts, dryRun, halted, interrupted, endedAt } = summary;
  if (command === null) return null;
  // Never about more hosts than the user chose.
  const again = (next: Command, about: readonly HostSummary[], why: string): string => {
    const some = limitTo(about, hosts);
    const words = [next, flags(next, some !== ''), given, some || limit];
    return `vfleet ${words.filter(Boolean).join(' ')}   # ${why}`;
  };
  const bad = hosts.filter(hasFailed);
  // Its controller died, or is at work still, which `resume` says: another run would forget its policy and its place in it.
  if (endedAt === null && run !== null && !dryRun && isResumable(command)) {
    return `vfleet resume ${run}   # goes on where it stopped`;
  }
  if (halted !== null && (!interrupted || command === 'apply')) {
    // While those that ended badly stay so, nobody else may start: a mere resume would be refused.
    const isAgain = hosts.some(({ state }) => state !== null && state !== 'ok' && state !== 'skipped');
    const how = isAgain ? `${run ?? ''} --retry-failed   # runs those again and goes on` : `${run ?? ''}   # goes on`;
    if (command === 'apply') return `vfleet resume ${how}, when the cause is gone`;
    const others = hosts.filter(({ state }) => state !== 'ok');
    return again(command, others, 'shows whether the cause is gone');
  }
  const held = hosts.filter(({ state }) => state === 'refused' || state === 'skipped');
  switch (exitCode(summary, command)) {
    case exitCodes.interrupted:
      if (dryRun || run === null || !isResumable(command)) return again(command, [], 'begins anew');
      if (hosts.some(isUnfinished)) return `vfleet resume ${run}   # goes on where it stopped`;
      return bad.length === 0 ? null : again(command, bad, 'again, when the cause is gone');
    case exitCodes.failed:
      if (command === 'verify') return again('plan', bad, 'shows what is missing');
      return again(command, bad, 'again, when the cause is gone');
    case exitCodes.refused:
      if (command === 'apply' && held.every(({ failure }) => failure?.code === 'plan.differs'))
        return again('plan', held, 'shows what is different now');
      return again(command, held, 'again, when the remedy is done');
    case exitCodes.pending:
      return again(dryRun ? command : 'apply', [], 'makes these changes');
    default:
      return command === 'apply' ? again('verify', [], 'proves it again, and writes nothing') : null;
  }
}

/** What changes hosts is gone on with; what reads them is as soon begun anew. */
function isResumable(command: Command): boolean {
  return command === 'apply' || command === 'undo' || command === 'restore';
}

/** Whether it ended only because the run did, or not at all. */
function isUnfinished({ state, failure }: HostSummary): boolean {
  return (
    state === null ||
    failure?.code === 'interrupted' ||
    (state === 'skipped' && failure?.code.startsWith('rollout.') === true)
  );
}

// Only names that no shell and no host pattern reads as anything else, and not more than one reads.
function limitTo(about: readonly HostSummary[], all: readonly HostSummary[]): string {
  const names = about.map(({ name }) => name);
  const isPlain = names.every((name) => /^[A-Za-z0-9][\w.-]*$/.test(name));
  if (names.length === 0 || names.length === all.length || names.length > most || !isPlain) return '';
  return `-l ${names.join(':')}`;
}

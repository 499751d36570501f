import type { Command } from '../events/event.ts';
import { type HostSummary, isPending, type Summary } from './summary.ts';

/**
 * The exit codes of the program. Where several apply: 130, 64, 1, 3, 2, 0 in that order; but a rollout that halted is 3,
 * whatever made it halt.
 */
export const exitCodes = {
  /** Done, or nothing to do. */
  done: 0,
  /** Failed hosts or checks. */
  failed: 1,
  /** `plan`, or a dry run: changes are pending. */
  pending: 2,
  /** Refused or halted. */
  refused: 3,
  /** Bad usage, inventory or playbook: found before any host is touched, so never by a fold. */
  usage: 64,
  /** Interrupted; the journal is intact. */
  interrupted: 130,
} as const;

/** The exit code of a run. */
export function exitCode(summary: Summary, command: Command): number {
  const { hosts, interrupted, halted, dryRun } = summary;
  if (interrupted) return exitCodes.interrupted;
  if (halted !== null) return exitCodes.refused;
  if (hosts.some(hasFailed)) return exitCodes.failed;
  if (hosts.some(({ state }) => state === 'refused' || state === 'skipped')) return exitCodes.refused;
  const onlyShows = command === 'plan' || dryRun;
  if (onlyShows && hosts.some(({ plan }) => plan !== null && isPending(plan))) return exitCodes.pending;
  return exitCodes.done;
}

/**
 * Whether a host makes a run fail, by its state or by a check. No end in a run that ended counts: its run broke. A check
 * with an unknown verdict counts: it proves nothing.
 */
export function hasFailed({ state, checks }: HostSummary): boolean {
  switch (state) {
    case 'ok':
    case 'refused':
    case 'skipped':
      return checks.some(({ outcome }) => outcome === 'fail' || outcome === 'unknown');
    case 'failed':
    case 'unreachable':
    case 'lost':
    case 'rolled-back':
    case null:
      return true;
  }
}

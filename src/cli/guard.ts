import { count } from '../report/text/block.ts';
import { defaultConfirmAbove } from '../rollout/rollout.ts';
import type { RolloutWish } from '../rollout/wish.ts';
import { UsageError } from './usage-error.ts';

/** What `withExpected` parses. */
export interface GuardArguments {
  readonly yes: boolean;
  readonly expectHosts?: number | undefined;
}

/**
 * Refuses a command that would be about more hosts than its user has in mind, before any of them is touched: another number
 * than expected, or with `--yes` many and no number. Errors: `UsageError`.
 */
export function requireExpected(hosts: number, { yes, expectHosts }: GuardArguments, wish: RolloutWish): void {
  if (expectHosts !== undefined && expectHosts !== hosts) {
    throw new UsageError(
      `--expect-hosts ${expectHosts}: ${count(hosts, 'host')} ${hosts === 1 ? 'is' : 'are'} chosen; no host was touched`,
    );
  }
  if (yes && expectHosts === undefined && isMany(hosts, wish)) {
    throw new UsageError(
      `--yes: ${count(hosts, 'host')} are chosen, and for more than ${thresholdOf(wish)} their number must be given too: ` +
        `--expect-hosts ${hosts}; no host was touched`,
    );
  }
}

/** Whether so many hosts are to be typed as a number, rather than agreed to. */
export function isMany(hosts: number, wish: RolloutWish): boolean {
  return hosts > thresholdOf(wish);
}

function thresholdOf({ confirmAbove = defaultConfirmAbove }: RolloutWish): number {
  return confirmAbove;
}

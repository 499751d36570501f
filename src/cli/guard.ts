import { VfleetError } from '../errors.ts';
import { count } from '../report/text/block.ts';
import { defaultConfirmAbove } from '../rollout/rollout.ts';
import type { RolloutWish } from '../rollout/wish.ts';
import { ask, askNumber } from './ask.ts';
import type { Environment } from './environment.ts';
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
  refuseOther(hosts, expectHosts, 'chosen');
  if (yes && expectHosts === undefined && isMany(hosts, wish)) {
    throw new UsageError(
      `--yes: ${count(hosts, 'host')} are chosen, and for more than ${thresholdOf(wish)} their number must be given too: ` +
        `--expect-hosts ${hosts}; no host was touched`,
    );
  }
}

/** A command that begins with hosts of an earlier run, of which nobody is asked again. */
export interface Beginning {
  readonly command: 'retry' | 'resume';
  /** Hosts that it would begin with; those that were at work when the run was cut off are none of them. */
  readonly hosts: number;
  /** Whether it may change them. */
  readonly changes: boolean;
}

/**
 * The same guard for a command that goes on with a run or begins it again: for many hosts their number is to be typed, or
 * expected where nobody can answer. Errors: `UsageError`, `apply.declined`, `interrupted`.
 */
export async function confirmBeginning(
  { command, hosts, changes }: Beginning,
  { expectHosts }: Pick<GuardArguments, 'expectHosts'>,
  wish: RolloutWish,
  { interactive }: Pick<Environment, 'interactive'>,
): Promise<void> {
  refuseOther(hosts, expectHosts, 'to be started');
  if (!changes || expectHosts !== undefined || !isMany(hosts, wish)) return;
  if (!interactive) {
    throw new UsageError(
      `${command}: ${count(hosts, 'host')} are to be started, and for more than ${thresholdOf(wish)} their number must be ` +
        `given: --expect-hosts ${hosts}; no host was touched`,
    );
  }
  if (await askNumber(`${command} starts ${count(hosts, 'host')}. Type the number of hosts to start:`, hosts)) return;
  throw new VfleetError({ code: 'apply.declined', thing: 'declined; no host was touched' });
}

/**
 * Asks whether to change so many hosts after it was shown what: of many their number is to be typed, unless it was expected.
 * Errors: `apply.declined`, `interrupted`.
 */
export async function confirmChanges(
  question: string,
  hosts: number,
  { expectHosts }: Pick<GuardArguments, 'expectHosts'>,
  wish: RolloutWish,
): Promise<void> {
  const many = isMany(hosts, wish) && expectHosts === undefined;
  if (many) {
    if (await askNumber(`${question} Type the number of hosts to change:`, hosts)) return;
  } else if (await ask(question)) return;
  throw new VfleetError({ code: 'apply.declined', thing: 'declined; nothing was written' });
}

function refuseOther(hosts: number, expected: number | undefined, how: string): void {
  if (expected === undefined || expected === hosts) return;
  const found = `${count(hosts, 'host')} ${hosts === 1 ? 'is' : 'are'} ${how}`;
  throw new UsageError(`--expect-hosts ${expected}: ${found}; no host was touched`);
}

/** Whether so many hosts are to be typed as a number, rather than agreed to. */
function isMany(hosts: number, wish: RolloutWish): boolean {
  return hosts > thresholdOf(wish);
}

function thresholdOf({ confirmAbove = defaultConfirmAbove }: RolloutWish): number {
  return confirmAbove;
}

import type { Verdict } from '../../checks/check.ts';
import type { Paint } from '../paint.ts';
import type { HostSummary } from '../summary.ts';
import { failureLines } from './failure.ts';
import { isOpen, verdictLines } from './verdict.ts';

/** What a reason is taken from; a host of a summary is one. */
export type Stopped = Pick<HostSummary, 'state' | 'failure' | 'gates' | 'checks'>;

/** Why a host was stopped: the gates or checks that stopped it with evidence and remedy, else its failure. Escaped. */
export function reasonLines(host: Stopped, paint: Paint): readonly string[] {
  const open = decisive(host).filter(isOpen);
  if (open.length > 0) return open.flatMap((verdict) => verdictLines(verdict, paint));
  return host.failure === null ? [] : failureLines(host.failure, paint);
}

/** Whether it was checks of `verify` that made a host fail. */
export function failedChecks({ state, failure, checks }: Stopped): boolean {
  return state === 'failed' && failure?.code === 'verify.failed' && checks.some(isOpen);
}

function decisive(host: Stopped): readonly Verdict[] {
  if (host.state === 'refused') return host.gates;
  return failedChecks(host) ? host.checks : [];
}

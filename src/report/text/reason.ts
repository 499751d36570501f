import type { Paint } from '../paint.ts';
import type { HostSummary } from '../summary.ts';
import { failureLines } from './failure.ts';
import { isOpen, verdictLines } from './verdict.ts';

/** Why a host was stopped: the gates that refuse it with evidence and remedy, else its failure. Escaped. */
export function reasonLines(
  { gates, failure, state }: Pick<HostSummary, 'gates' | 'failure' | 'state'>,
  paint: Paint,
): readonly string[] {
  const open = state === 'refused' ? gates.filter(isOpen) : [];
  if (open.length > 0) return open.flatMap((gate) => verdictLines(gate, paint));
  return failure === null ? [] : failureLines(failure, paint);
}

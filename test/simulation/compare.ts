import type { Fault, FaultKind } from './fault.ts';
import { type Outcome, play } from './play.ts';
import type { Violation } from './rules.ts';
import type { Scenario } from './scenario.ts';

/** Faults that are the same whenever a host is looked at: with them alone a crash must not change how a host ends. */
const lasting: ReadonlySet<FaultKind> = new Set(['lost', 'old-arguments', 'guests', 'no-iommu', 'disk-full']);

/** Plays a scenario; where its controller dies and all else lasts, also without that, and compares the ends. */
export async function playAndCompare(scenario: Scenario): Promise<Outcome> {
  const outcome = await play(scenario);
  if (!isComparable(scenario)) return outcome;
  const undisturbed = await play({
    ...scenario,
    faults: scenario.faults.filter(({ kind }) => kind !== 'kill' && kind !== 'kill-at-line'),
  });
  return { ...outcome, violations: [...outcome.violations, ...differences(outcome.ends, undisturbed.ends)] };
}

/** Who is not started at all depends on the order of ends, which a crash changes. */
function isComparable({ faults, rollout, hosts }: Scenario): boolean {
  const others = faults.filter(({ kind }) => kind !== 'kill' && kind !== 'kill-at-line');
  const unlimited = rollout.maxFailures >= hosts.length && rollout.maxCanaryFailures >= rollout.canaries.length;
  return others.length < faults.length && unlimited && others.every(isLasting);
}

/** Whether a fault is the same whenever a host is looked at. */
export function isLasting(fault: Fault): boolean {
  return lasting.has(fault.kind) || (fault.kind === 'unreachable' && fault.from === 0 && fault.until === null);
}

function differences(resumed: Outcome['ends'], undisturbed: Outcome['ends']): readonly Violation[] {
  return [...resumed].flatMap(([host, end]) => {
    const other = undisturbed.get(host) ?? 'nothing';
    if (end === 'skipped' || other === 'skipped' || sort(end) === sort(other)) return [];
    return [{ rule: 'the same end', text: `${host} ends as ${end} after a crash, and as ${other} without` }];
  });
}

/** Whoever resumes finds a lost host unreachable. */
function sort(end: string): string {
  return end === 'unreachable' ? 'lost' : end;
}

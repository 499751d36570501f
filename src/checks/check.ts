import type { Facts } from '../facts/facts.ts';
import type { Wants } from '../resources/resource.ts';
import type { Script } from '../shell/script.ts';

export type Outcome = 'pass' | 'fail' | 'unknown' | 'not-applicable';

/** What a check found. */
export interface Verdict {
  readonly check: string;
  readonly title: string;
  readonly outcome: Outcome;
  /** One sentence: what is so. */
  readonly found: string;
  /** Lines that show it: sysfs readings, and the output of the guide's own command. */
  readonly evidence: readonly string[];
  /** What to do about it; absent when it passed. */
  readonly remedy?: string | undefined;
}

/** What a check judges. Pure data. */
export interface CheckInput {
  readonly host: string;
  readonly facts: Facts;
  /** What the playbook's resources wish for on this host. */
  readonly wants: Wants;
  /** Output of the check's own `evidence` script; `null` when it was not run. */
  readonly evidence: string | null;
}

/** A pure judgement over facts. Used as a gate, a failure or an unknown refuses the host. */
export interface Check {
  /** Stable, for programs: `iommu-in-firmware`. */
  readonly id: string;
  /** A question for people: `Is the IOMMU on in the firmware?`. */
  readonly title: string;
  /** Read-only, for people to see; run once per verification, never to decide. */
  readonly evidence?: (facts: Facts) => Script;
  judge(input: CheckInput): Verdict;
}

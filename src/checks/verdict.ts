import type { Check, CheckInput, Outcome, Verdict } from './check.ts';

/** What a judge says; the check's own name and the output of its evidence script are added. */
export interface Judgement {
  readonly outcome: Outcome;
  readonly found: string;
  /** Readings that the judgement rests on. */
  readonly evidence?: readonly string[];
  readonly remedy?: string | undefined;
}

/** A check out of a pure judge. */
export function check(parts: Pick<Check, 'id' | 'title' | 'evidence'>, judge: (input: CheckInput) => Judgement): Check {
  return {
    ...parts,
    judge(input): Verdict {
      const { outcome, found, evidence = [], remedy } = judge(input);
      const shown = (input.evidence ?? '').split(/\r?\n/).filter((line) => line.trim() !== '');
      const isOpen = outcome === 'fail' || outcome === 'unknown';
      return {
        check: parts.id,
        title: parts.title,
        outcome,
        found,
        evidence: [...evidence, ...shown],
        ...(isOpen && remedy !== undefined && { remedy }),
      };
    },
  };
}

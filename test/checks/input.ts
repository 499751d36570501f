import type { CheckInput } from '../../src/checks/check.ts';
import type { Facts } from '../../src/facts/facts.ts';
import type { Wants } from '../../src/resources/resource.ts';
import { fixtureFacts } from '../facts/fixtures.ts';

/** What a check judges: the facts of a fixture, changed where a test needs it. */
export function input(
  fixture: string,
  change: (facts: Facts) => Partial<Facts> = () => ({}),
  wants: Wants = {},
): CheckInput {
  const facts = fixtureFacts(fixture);
  return { host: 'node01', facts: { ...facts, ...change(facts) }, wants, evidence: null };
}

/** A change of the running command line. */
export function running(line: string): (facts: Facts) => Partial<Facts> {
  return (facts) => ({ boot: { ...facts.boot, running: line } });
}

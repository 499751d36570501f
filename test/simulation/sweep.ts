import { isLasting } from './compare.ts';
import { type Outcome, play } from './play.ts';
import type { Violation } from './rules.ts';
import { type Scenario, scenarioOf } from './scenario.ts';

/** A rollout with its controller killed after one line of the journal. */
export interface Cut {
  readonly scenario: Scenario;
  readonly outcome: Outcome;
}

/**
 * A small rollout whose end does not depend on when things happen: what goes wrong lasts, and neither budget nor places are
 * scarce for hosts that are out of service.
 */
export function sweepScenarioOf(seed: string): Scenario {
  const scenario = scenarioOf(seed);
  const hosts = scenario.hosts.slice(0, 4);
  const names = new Set(hosts.map(({ name }) => name));
  const faults = scenario.faults.filter((fault) => 'host' in fault && names.has(fault.host) && isLasting(fault));
  const { rollout } = scenario;
  const scarce = faults.length > 0 || scenario.hooks?.undrain === false;
  return {
    ...{ ...scenario, hosts, faults, again: true },
    rollout: {
      ...{ ...rollout, canaries: rollout.canaries.filter((name) => names.has(name)) },
      ...{ maxFailures: hosts.length, maxCanaryFailures: hosts.length },
      ...(scarce && { parallel: hosts.length, batches: [], perDomain: {}, domains: {} }),
    },
  };
}

/** Plays a rollout as it is, and then killed after each line of its journal in turn and resumed: it must end as if it were not. */
export async function* sweep(scenario: Scenario): AsyncGenerator<Cut> {
  const uncut = await play(scenario);
  yield { scenario, outcome: uncut };
  for (let line = 1; line < uncut.lines; line += 1) {
    const cut: Scenario = { ...scenario, faults: [...scenario.faults, { kind: 'kill-at-line', line }] };
    const outcome = await play(cut);
    const differs = differences(outcome, uncut, line);
    yield { scenario: cut, outcome: { ...outcome, violations: [...outcome.violations, ...differs] } };
  }
}

function differences(cut: Outcome, uncut: Outcome, line: number): readonly Violation[] {
  const tell = (text: string): Violation => ({ rule: 'the same end', text: `killed after line ${line}: ${text}` });
  const lived = cut.seen.includes('kill-at-line') ? [] : [tell('its controller was not killed')];
  const hosts = [...uncut.left].flatMap(([host, left]) => {
    const other = cut.left.get(host) ?? 'nothing';
    return other === left ? [] : [tell(`${host} is left as ${other}; without the kill as ${left}`)];
  });
  return [...lived, ...hosts];
}

// One process of `npm run simulate`: plays some of the scenarios, and tells its parent what it saw.
import { playAndCompare } from './compare.ts';
import type { Outcome } from './play.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import { brokenModel, shrink } from './shrink.ts';
import { sweep, sweepScenarioOf } from './sweep.ts';
import { emptyTally, joinTallies, type Tally, type Told, tallyOf } from './tally.ts';

const [seed = '1', first = '0', end = '1', mode = 'shrink'] = process.argv.slice(2);
const toldAfter = 20;

const tell = (told: Told): void => {
  process.send?.(told);
};

let tally: Tally = emptyTally;
const see = async (index: number, scenario: Scenario, play: () => Promise<Outcome>): Promise<void> => {
  let violations = [];
  try {
    const outcome = await play();
    violations = [...outcome.violations];
    tally = joinTallies(tally, tallyOf(scenario, outcome));
  } catch (thrown) {
    violations = [brokenModel(thrown)];
  }
  const [worst] = violations;
  if (worst !== undefined) {
    const smallest = mode === 'shrink' ? await shrink(scenario, worst.rule) : scenario;
    const { hosts, faults } = scenario;
    tell({ type: 'found', found: { index, violations, hosts: hosts.length, faults: faults.length, smallest } });
  }
  if (tally.rollouts < toldAfter) return;
  tell({ type: 'tally', tally });
  tally = emptyTally;
};

for (let index = Number(first); index < Number(end); index += 1) {
  if (mode === 'sweep') {
    for await (const { scenario, outcome } of sweep(sweepScenarioOf(`${seed}/${index}`)))
      await see(index, scenario, () => Promise.resolve(outcome));
  } else {
    const scenario = scenarioOf(`${seed}/${index}`);
    await see(index, scenario, () => playAndCompare(scenario));
  }
}
tell({ type: 'tally', tally });
process.disconnect?.();

// One process of `npm run simulate`: plays every n-th of the scenarios, and tells its parent what it saw.
import { playAndCompare } from './compare.ts';
import { scenarioOf } from './scenario.ts';
import { brokenModel, shrink } from './shrink.ts';
import { emptyTally, joinTallies, type Tally, type Told, tallyOf } from './tally.ts';

const [seed = '1', first = '0', end = '1', step = '1', shrinks = 'shrink'] = process.argv.slice(2);
const toldAfter = 20;

const tell = (told: Told): void => {
  process.send?.(told);
};

let tally: Tally = emptyTally;
for (let index = Number(first); index < Number(end); index += Number(step)) {
  const scenario = scenarioOf(`${seed}/${index}`);
  let violations = [];
  try {
    const outcome = await playAndCompare(scenario);
    violations = [...outcome.violations];
    tally = joinTallies(tally, tallyOf(scenario, outcome));
  } catch (thrown) {
    violations = [brokenModel(thrown)];
  }
  const [worst] = violations;
  if (worst !== undefined) {
    const smallest = shrinks === 'shrink' ? await shrink(scenario, worst.rule) : scenario;
    tell({
      type: 'found',
      found: { index, violations, hosts: scenario.hosts.length, faults: scenario.faults.length, smallest },
    });
  }
  if (tally.rollouts < toldAfter) continue;
  tell({ type: 'tally', tally });
  tally = emptyTally;
}
tell({ type: 'tally', tally });
process.disconnect?.();

// What `npm run simulate` prints.

/** What was seen in all rollouts, and how fast. */
export function printSummary({ tally, found, seed, seconds, cpu, runs }) {
  const { rollouts, hosts, hostRuns, boots } = tally;
  const perSecond = (seconds === 0 ? 0 : rollouts / seconds).toFixed(1);
  console.log(`${rollouts} rollouts of ${hosts} hosts, seed ${seed}: ${hostRuns} runs of hosts, ${boots} boots`);
  console.log(`${seconds.toFixed(0)} s, ${perSecond} rollouts per second; ${cpu.toFixed(0)} s of processor time`);
  console.log(`hosts ended: ${counts(tally.ends)}`);
  console.log(`with a failure of: ${counts(tally.codes)}`);
  console.log(`rollouts with a fault: ${counts(tally.faults)}`);
  console.log(`rollouts with a policy of: ${counts(tally.policies)}`);
  const judged = found.length === 0 ? 'no rule was broken' : `${found.length} scenarios broke a rule`;
  console.log(rollouts < runs ? `incomplete, ${rollouts} of ${runs} rollouts: ${judged}` : judged);
}

/** A scenario that broke a rule, and how to play it again. */
export function printFound({ index, violations, hosts, faults, smallest }, seed) {
  console.log(`\nbroken in rollout ${index} of seed ${seed}, of ${hosts} hosts with ${faults} faults:`);
  for (const { rule, text } of violations.slice(0, 5)) console.log(`  ${rule}: ${text}`);
  console.log(`  the smallest that breaks it has ${smallest.hosts.length} hosts and ${smallest.faults.length} faults:`);
  for (const line of JSON.stringify({ ...smallest, faults: undefined }).split('\n')) console.log(`    ${line}`);
  for (const fault of smallest.faults) console.log(`    ${JSON.stringify(fault)}`);
  console.log(`  again: npm run simulate -- --seed ${seed} --from ${index} --runs 1\n`);
}

function counts(record) {
  const sorted = Object.entries(record).sort(([, one], [, other]) => other - one);
  return sorted.map(([key, count]) => `${key} ${count}`).join(', ') || 'none';
}

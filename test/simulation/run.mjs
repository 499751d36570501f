// `npm run simulate -- --runs N --seed S`: plays N random rollouts in virtual time and judges each. `--from I` begins with the
// I-th scenario of the seed, `--workers N` takes so many processes. Exits 1 when a rule was broken, and prints the smallest
// scenario that breaks it. `--sweep` plays each of N small rollouts once for each line of its journal, and kills the controller
// when that line is on its disk.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { simulate } from './simulate.mjs';
import { printFound, printSummary } from './summary.mjs';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    workers: { type: 'string', default: String(cpus().length) },
    limit: { type: 'string', default: '3' },
    sweep: { type: 'boolean', default: false },
  },
});
const [runs, from, workers, limit] = ['runs', 'from', 'workers', 'limit'].map((name) => {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(`--${name}: expected a whole number, found ${values[name]}`);
  process.exit(64);
});
const { seed } = values;
const begun = performance.now();
let shown = begun;
// Whoever stops it wants to know what was seen so far.
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());
const { worker, remove } = build(`run-${process.pid}`);
const { tally, found, cpu } = await simulate({
  stop: stop.signal,
  ...{ worker, seed, from, runs, workers, limit, mode: values.sweep ? 'sweep' : 'shrink' },
  onFound: (one) => printFound(one, values.sweep ? `${seed} --sweep` : seed),
  onProgress: (done) => {
    if (performance.now() - shown < 30_000) return;
    shown = performance.now();
    console.log(`${done} of ${runs} rollouts, ${Math.round((shown - begun) / 1_000)} s`);
  },
});
remove();
printSummary({ tally, found, seed, seconds: (performance.now() - begun) / 1_000, cpu, runs });
process.exitCode = found.length > 0 || tally.rollouts < runs ? 1 : 0;

// Spreads scenarios over worker processes and gathers what they tell.
import { fork } from 'node:child_process';

/**
 * Scenarios for one process: what dead controllers still wait for is freed with it. It has half a gigabyte then; with fewer, a
 * fourth of the processor time is for a program that is not compiled yet.
 */
const most = 1_000;

/** Stops when so many scenarios were found that break a rule, or somebody asks to. Gives what was seen, and seconds of processor time. */
export async function simulate({
  worker,
  seed,
  from,
  runs,
  workers,
  limit,
  mode = 'shrink',
  onProgress,
  onFound,
  stop,
}) {
  const all = [];
  const found = [];
  let done = 0;
  let cpu = 0;
  const children = new Set();
  const end = () => {
    for (const child of children) child.kill();
  };
  stop?.addEventListener('abort', end);
  const one = (first, last) =>
    new Promise((resolve, reject) => {
      const words = [seed, first, last, mode].map(String);
      const child = fork(worker, words, { execArgv: ['--max-semi-space-size=32', '--import', cpuReport] });
      children.add(child);
      child.on('message', (told) => {
        if (told.type === 'cpu') cpu += told.seconds;
        if (told.type === 'found') {
          found.push(told.found);
          onFound?.(told.found);
        }
        if (told.type === 'tally') {
          all.push(told.tally);
          done += told.tally.rollouts;
          onProgress?.(done);
        }
        if (found.length >= limit) end();
      });
      child.on('error', reject);
      child.on('exit', (code) => {
        children.delete(child);
        if (code === 0 || isOver()) resolve();
        else reject(new Error(`a worker ended with ${code}`));
      });
    });
  const isOver = () => found.length >= limit || stop?.aborted === true;
  const chunk = mode === 'sweep' ? 1 : Math.min(most, Math.ceil(runs / workers));
  let next = from;
  const work = async () => {
    while (next < from + runs && !isOver()) {
      const first = next;
      next = Math.min(from + runs, first + chunk);
      await one(first, next);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return { tally: all.reduce(join, empty()), found: found.slice(0, limit), cpu };
}

/** Tells the processor time of a worker when it ends. */
const cpuReport = `data:text/javascript,${encodeURIComponent(
  "process.on('disconnect', () => {}); const end = process.disconnect; process.disconnect = () => { const { user, system } = process.cpuUsage(); process.send({ type: 'cpu', seconds: (user + system) / 1e6 }, () => end.call(process)); };",
)}`;

function empty() {
  return { rollouts: 0, hosts: 0, hostRuns: 0, boots: 0, ends: {}, faults: {}, policies: {}, codes: {} };
}

function join(one, other) {
  const sum = (a, b) => {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return Object.fromEntries(keys.map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]));
  };
  const keys = Object.keys(one);
  return Object.fromEntries(
    keys.map((key) => [key, typeof one[key] === 'number' ? one[key] + other[key] : sum(one[key], other[key])]),
  );
}

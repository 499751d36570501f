// `npm run test:simulation`: every seeded defect is found, a few rollouts end the same whenever their controller is killed, and
// 4,000 random ones break no rule. Counts are kept in the file that VFLEET_SIMULATION_RESULT names.
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./', import.meta.url));
const defects = readdirSync(`${folder}defects`).map((file) => file.replace(/\.patch$/, ''));
const tests = [
  ...defects.map((name) => ['defects.mjs', name]),
  ['run.mjs', '--sweep', '--runs', '8', '--seed', 'h'],
  ['run.mjs', '--runs', '4000', '--seed', '2026'],
];

const begun = performance.now();
const failed = tests.filter(
  ([script, ...words]) =>
    spawnSync(process.execPath, [`${folder}${script}`, ...words], { stdio: 'inherit' }).status !== 0,
);
const counts = { numPassedTests: tests.length - failed.length, numFailedTests: failed.length, numPendingTests: 0 };
const result = process.env['VFLEET_SIMULATION_RESULT'];
if (result !== undefined) writeFileSync(result, `${JSON.stringify(counts)}\n`);
for (const words of failed) console.log(`FAILED: node test/simulation/${words.join(' ')}`);
const seconds = Math.round((performance.now() - begun) / 1_000);
console.log(`simulation: ${counts.numPassedTests} passed, ${counts.numFailedTests} failed in ${seconds} s`);
process.exitCode = failed.length > 0 ? 1 : 0;

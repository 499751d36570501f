// Shows that the simulation can fail: applies each patch of `defects/` to a copy of the sources, and plays random rollouts
// until one breaks a rule. Exits 1 when a defect is not found within `--runs N` of them (default 2,000), or a patch does not
// apply any more. Words name defects to try alone.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { simulate } from './simulate.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'test/simulation/defects');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '2000' },
    seed: { type: 'string', default: 'defects' },
    workers: { type: 'string', default: String(cpus().length) },
  },
});
const known = readdirSync(folder).map((file) => file.replace(/\.patch$/, ''));
const names = positionals.length > 0 ? positionals : known;
let missed = 0;
for (const name of names) {
  const copy = mkdtempSync(join(tmpdir(), 'vfleet-defect-'));
  try {
    for (const part of ['src', 'test/simulation', 'test/facts', 'tsconfig.json', 'package.json']) {
      cpSync(join(root, part), join(copy, part), { recursive: true, filter: (path) => !path.includes('/src/lab/') });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    execFileSync('git', ['apply', '--unidiff-zero', join(folder, `${name}.patch`)], { cwd: copy, stdio: 'inherit' });
    const { worker, remove } = build(`defect-${name}-${process.pid}`, copy);
    const { found, tally } = await simulate({
      ...{ worker, seed: values.seed, from: 0, runs: Number(values.runs), workers: Number(values.workers) },
      ...{ limit: 1, mode: 'as it is' },
    });
    const [first] = found;
    if (first === undefined) missed += 1;
    const [violation] = first?.violations ?? [];
    console.log(
      violation === undefined
        ? `${name}: NOT FOUND in ${tally.rollouts} rollouts`
        : `${name}: found in rollout ${first.index}: ${violation.rule}: ${violation.text.split('\n')[0].slice(0, 160)}`,
    );
    remove();
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
process.exitCode = missed > 0 ? 1 : 0;

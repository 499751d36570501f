// `npm run test:vm`: the suites on virtual machines. `-- --all` adds every kind of node, the power cuts, a node that stays off
// in a rollout, devices for guests, and the real dracut and driverctl, and keeps the results in docs/vm-tests.md. Everything else goes to vitest:
// `-- --all power-cut` runs one file.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const all = process.argv.includes('--all');
const rest = process.argv.slice(2).filter((word) => word !== '--all');
const folder = mkdtempSync(join(tmpdir(), 'vfleet-vm-result-'));
const result = process.env['VFLEET_VM_RESULT'] ?? join(folder, 'result.json');

const began = Date.now();
const run = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'vitest.vm.config.ts',
    '--reporter=verbose',
    '--reporter=json',
    `--outputFile.json=${result}`,
    ...rest,
  ],
  { stdio: 'inherit', env: { ...process.env, ...(all && { VFLEET_VM_ALL: 'yes' }) } },
);
const seconds = Math.round((Date.now() - began) / 1000);
const report = read(result);
rmSync(folder, { recursive: true, force: true });

if (report !== null) {
  const sums = `${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped`;
  console.log(`virtual nodes: ${sums} in ${minutes(seconds)}`);
  if (all) keep(report);
}
process.exitCode = run.status ?? 1;

/** Also what failed is kept. A run of some files, or with `-t` of some tests, leaves the rows of the others, with their own date. */
function keep({ testResults }) {
  const file = 'docs/vm-tests.md';
  const date = new Date().toISOString().slice(0, 10);
  const some = rest.some((word) => /^(-t|--testNamePattern)/.test(word));
  const rows = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      // Without a choice of tests, what did not run could not: its nodes did not come up, or a step before it failed.
      .filter((test) => !some || (test.status !== 'pending' && test.status !== 'skipped'))
      .map((test) => {
        const time = `${Math.round((test.duration ?? 0) / 1000)} s`;
        return `| ${relative(process.cwd(), name)} | ${test.fullName} | ${test.status} | ${time} | ${date} |`;
      }),
  );
  const keyOf = some ? (row) => row.split('|').slice(1, 3).join('|') : fileOf;
  const fresh = new Set(rows.map(keyOf));
  const old = (text(file) ?? '').split('\n').filter((line) => /^\| test\//.test(line) && !fresh.has(keyOf(line)));
  const qemu = spawnSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0];
  writeFileSync(
    file,
    `# The last run of every test on virtual nodes

Written by \`npm run test:vm -- --all\`: each test with its result, its time and its date, also when it failed. See
[vm-lab.md](vm-lab.md) for what the nodes are. Last machine: ${availableParallelism()} processors, ${qemu ?? 'no QEMU'}.

| file | test | result | time | date |
| --- | --- | --- | --- | --- |
${[...old, ...rows].sort((one, other) => (fileOf(one) < fileOf(other) ? -1 : fileOf(one) > fileOf(other) ? 1 : 0)).join('\n')}
`,
  );
}

function fileOf(row) {
  return row.split('|')[1].trim();
}

function minutes(seconds) {
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function read(file) {
  const found = text(file);
  return found === null ? null : JSON.parse(found);
}

function text(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

// `npm run test:vm`: the suites on virtual machines. `-- --all` adds every kind of node and the power cuts, and keeps the
// result in docs/vm-tests.md. Everything else goes to vitest. Prints the duration of each part.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const all = process.argv.includes('--all');
const rest = process.argv.slice(2).filter((word) => word !== '--all');
const folder = mkdtempSync(join(tmpdir(), 'vfleet-vm-result-'));
const result = join(folder, 'result.json');

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
  const tests = report.testResults.flatMap((file) =>
    file.assertionResults.map((test) => ({ ...test, file: relative(process.cwd(), file.name) })),
  );
  const line = (test) =>
    `| ${test.file} | ${test.fullName} | ${test.status} | ${Math.round((test.duration ?? 0) / 1000)} s |`;
  console.log(
    `virtual nodes: ${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped in ${minutes(seconds)}`,
  );
  // Also a run that failed is told; only a part of the tests is no result.
  if (all && rest.length === 0) writeFileSync('docs/vm-tests.md', page(tests.map(line), report, seconds));
}
process.exitCode = run.status ?? 1;

function page(lines, report, seconds) {
  const qemu = spawnSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0];
  const kvm = process.env['VFLEET_VM_ACCELERATOR'] ?? 'auto';
  return `# The last run of every test on virtual nodes

Written by \`npm run test:vm -- --all\`; see [vm-lab.md](vm-lab.md).

- ${new Date().toISOString().slice(0, 10)}, in ${minutes(seconds)}, on ${availableParallelism()} processors, ${qemu}, accelerator ${kvm}
- ${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped

| file | test | result | time |
| --- | --- | --- | --- |
${lines.join('\n')}
`;
}

function minutes(seconds) {
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

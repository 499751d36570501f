import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { temporaryFiles } from './test/temporary-files.ts';

/** The suites that cut the power of simulated nodes at every write; started by test/kills/run.mjs. */
export default defineConfig({
  resolve: { alias: { vfleet: fileURLToPath(new URL('./src/index.ts', import.meta.url)) } },
  test: {
    include: ['test/kills/**/*.test.ts'],
    env: temporaryFiles(),
    pool: 'forks',
    // What goes wrong is told when it does: the rest may take minutes.
    disableConsoleIntercept: true,
    maxWorkers: '100%',
    // No measure of anything: the limit is only there to end a hang.
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
  },
});

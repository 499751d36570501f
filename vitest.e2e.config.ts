import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { temporaryFiles } from './test/temporary-files.ts';

/** Whole runs over simulated nodes of every kind, with reboots and faults. */
export default defineConfig({
  resolve: { alias: { vfleet: fileURLToPath(new URL('./src/index.ts', import.meta.url)) } },
  test: {
    include: ['test/e2e/**/*.test.ts'],
    env: temporaryFiles(),
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { temporaryFiles } from './test/temporary-files.ts';

export default defineConfig({
  resolve: { alias: { vfleet: fileURLToPath(new URL('./src/index.ts', import.meta.url)) } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/ssh/**', 'test/e2e/**', 'test/kills/**', 'test/vm/**', 'test/bench/**'],
    env: temporaryFiles(),
    pool: 'forks',
    // A worker for every processor: the tests wait for simulated machines as long as they compute.
    maxWorkers: '100%',
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});

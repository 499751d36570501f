import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const all = process.env['VFLEET_VM_ALL'] === 'yes';

/** The suites on virtual machines that really boot; started by test/vm/run.mjs. */
export default defineConfig({
  resolve: { alias: { vfleet: fileURLToPath(new URL('./src/index.ts', import.meta.url)) } },
  test: {
    include: all ? ['test/vm/**/*.test.ts'] : ['test/vm/*.test.ts'],
    pool: 'forks',
    // Nodes side by side are enough for two processors.
    fileParallelism: false,
    // No measure of anything: software emulation on a busy machine is slow, and a limit is only there to end a hang.
    testTimeout: 3_600_000,
    hookTimeout: 3_600_000,
    // What comes after a failed step says nothing.
    bail: all ? 0 : 1,
  },
});

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The suites that need programs of this machine: a real sshd, sudo, other shells. */
export default defineConfig({
  resolve: { alias: { vfleet: fileURLToPath(new URL('./src/index.ts', import.meta.url)) } },
  test: {
    include: ['test/ssh/**/*.test.ts'],
    pool: 'forks',
    // Temporary users and the machine's sudo are shared.
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});

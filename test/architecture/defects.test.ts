import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'test/simulation/defects');
const patches = readdirSync(folder);

it('there are seeded defects', () => {
  expect(patches.length).toBeGreaterThanOrEqual(10);
});

// What shows that they are found takes minutes: test/simulation/suite.mjs. A patch that the code has outgrown is known here.
it.each(patches)('%s applies to the code as it is', (patch) => {
  expect(() =>
    execFileSync('git', ['apply', '--check', '--unidiff-zero', join(folder, patch)], { cwd: root, stdio: 'pipe' }),
  ).not.toThrow();
});

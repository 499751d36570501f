// Compiles the simulation and the sources that it runs, from a checkout or from a copy of one, so that Node 20 runs them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Gives the path of the compiled worker, and what removes it. `from` has `src`, `test/simulation` and the configurations of the compiler. */
export function build(name, from = root) {
  const folder = join(root, 'node_modules/.cache/vfleet-simulation', name);
  rmSync(folder, { recursive: true, force: true });
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const made = spawnSync(
    process.execPath,
    [compiler, '-p', join(from, 'test/simulation/tsconfig.json'), '--outDir', folder],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  if (made.status !== 0) throw new Error('the simulation does not compile');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  for (const data of ['templates', 'test/facts/fixtures']) {
    mkdirSync(dirname(join(folder, data)), { recursive: true });
    symlinkSync(join(root, data), join(folder, data));
  }
  return {
    worker: join(folder, 'test/simulation/worker.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** What the code of a process finds there. Compiled once: the same sources have the same file in the cache. */
const preamble = `
  import { createJiti } from 'jiti';
  const jiti = createJiti(process.cwd() + '/test/lab/x.ts', { fsCache: process.cwd() + '/node_modules/.cache/jiti' });
  const { startLab } = await jiti.import('../../src/lab/lab.ts');
  const { builtinMachineKinds } = await jiti.import('../../src/lab/machine-kind.ts');
  const { startDoubles } = await jiti.import('./start.ts');
  const { logIn } = await jiti.import('./client.ts');`;

/**
 * Runs code in a process of its own, whose end is the test's to choose. It has `startLab`, `startDoubles`,
 * `builtinMachineKinds` and `logIn`.
 */
export function runCode(code: string, options: SpawnOptions = {}): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', `${preamble}\n${code}`], { cwd: root, ...options });
}

/** How a process ended, and what it printed. */
export async function output(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (bytes: Buffer) => {
    stdout += bytes.toString();
  });
  child.stderr?.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}

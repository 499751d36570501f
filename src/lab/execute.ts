import { type SpawnOptions, spawn } from 'node:child_process';

/** How a program of this machine ended, and what it printed. */
export interface Executed {
  /** `null`: killed by a signal, or it did not start. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** PATH for programs of this machine that the lab runs: not the user's own, which may hold wrappers. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs a program of this machine to its end. A program that cannot start is a result too. */
export async function execute(
  program: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd'> & { readonly extraFiles?: readonly number[] } = {},
): Promise<Executed> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { PATH: systemPath, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe', ...(options.extraFiles ?? [])],
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => resolve({ code: null, stdout, stderr: error.message }));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

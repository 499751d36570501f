import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { VfleetError } from '../../errors.ts';
import { systemPath } from '../execute.ts';
import { signal, treeOf } from '../processes.ts';

/** How a long-running program of this machine is run. */
export interface ProgramOptions {
  readonly cwd?: string;
  /** Added to this process's environment: proxies and the like are the user's to set. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds; then it is killed, with what it has started. */
  readonly limit: number;
  /** What to do when it fails. */
  readonly next?: string;
  /** Each line that it prints, on either stream. */
  readonly onLine?: (line: string) => void;
}

/** Lines of output that an error shows. */
const shown = 12;

/**
 * Runs a program to its end, and gives what it printed.
 * Errors: `lab.vm-program` when it cannot start, fails, or takes longer than its limit; with its last lines.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<readonly string[]> {
  const lines: string[] = [];
  const found = await new Promise<string | null>((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env, PATH: systemPath, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      // Whoever is left would hold the streams open, and their end is waited for.
      if (child.pid !== undefined) for (const pid of treeOf(child.pid)) signal(pid, 'SIGKILL');
    }, options.limit);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        options.onLine?.(line);
      });
    }
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve(error.message);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (late) resolve(`no end after ${Math.round(options.limit / 1000)} s`);
      else resolve(code === 0 ? null : signal === null ? `exit code ${code}` : `killed by ${signal}`);
    });
  });
  if (found === null) return lines;
  throw new VfleetError({
    code: 'lab.vm-program',
    thing: program,
    expected: 'exit code 0',
    found: [found, ...lines.slice(-shown).map((line) => `  ${line}`)].join('\n'),
    next: options.next,
  });
}

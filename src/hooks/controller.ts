import { type ChildProcess, spawn } from 'node:child_process';

/** A program to run on the controller. */
export interface Program {
  readonly program: string;
  readonly args: readonly string[];
  /** Beside the controller's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Aborted: it is ended. */
  readonly signal: AbortSignal;
  readonly onLine?: (line: string) => void;
}

/** How it ended. */
export interface ProgramEnd {
  /** `null`: it could not be started, or was ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  /** Why it could not be started, or standard error. */
  readonly stderr: string;
}

/** Bytes of each stream that are kept. */
const kept = 256 * 1024;
/** Milliseconds between a polite end and a hard one. */
const grace = 3_000;

/** Runs a program to its end, in a group of its own, so that what it has started ends with it. Never rejects. */
export function runProgram({ program, args, environment, signal, onLine }: Program): Promise<ProgramEnd> {
  if (signal.aborted) return Promise.resolve({ code: null, stdout: '', stderr: 'given up before it started' });
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      let rest = '';
      child[name].setEncoding('utf8').on('data', (text: string) => {
        texts[name] = (texts[name] + text).slice(-kept);
        const lines = (rest + text).split('\n');
        rest = (lines.pop() ?? '').slice(-kept);
        for (const line of lines) onLine?.(line);
      });
    }
    const end = (): void => endGroup(child);
    signal.addEventListener('abort', end, { once: true });
    child.on('error', (error) => {
      signal.removeEventListener('abort', end);
      resolve({ code: null, ...texts, stderr: error.message });
    });
    child.on('exit', (code) => {
      signal.removeEventListener('abort', end);
      // What it has left running may keep its streams open: they are not waited for long.
      const over = setTimeout(() => resolve({ code, ...texts }), 200);
      child.on('close', () => {
        clearTimeout(over);
        resolve({ code, ...texts });
      });
    });
  });
}

function endGroup(child: ChildProcess): void {
  kill(child, 'SIGTERM');
  setTimeout(() => kill(child, 'SIGKILL'), grace).unref();
}

function kill({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';

/** How a shell ended, and what it printed. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** POSIX shells of this machine, as program and arguments before `-s`, each once. `/bin/sh` is always there. */
export const shells: readonly (readonly [string, ...string[]])[] = uniqueShells();

function uniqueShells(): [string, ...string[]][] {
  const candidates: [string, ...string[]][] = [
    ['/bin/sh'],
    ['/bin/dash'],
    ['/bin/bash'],
    ['/bin/busybox', 'sh'],
    ['/usr/bin/busybox', 'sh'],
  ];
  const found = new Map<string, [string, ...string[]]>();
  for (const shell of candidates) {
    const path = existsSync(shell[0]) ? realpathSync(shell[0]) : null;
    if (path !== null && !found.has(path)) found.set(path, shell);
  }
  return [...found.values()];
}

/** Runs `sh -s` with the input, as on a host. */
export async function runSh(
  input: string | Uint8Array,
  shell: readonly [string, ...string[]] = ['/bin/sh'],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ran> {
  const [program, ...args] = shell;
  const child = spawn(program, [...args, '-s'], { env, stdio: 'pipe' });
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A shell that stops at a syntax error need not read the rest.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
  });
}

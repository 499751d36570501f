import { spawn, spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { type Found, parseRead, type Reads, readScript } from '../../src/resources/batch.ts';
import type { Action } from '../../src/resources/resource.ts';
import { parseOutput, wrap } from '../../src/shell/envelope.ts';
import type { Script } from '../../src/shell/script.ts';
import type { Output } from '../../src/shell/shell.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const nonce = '0123456789abcdef0123456789abcdef';

/** Every POSIX shell that is installed here, as a command line that reads a script from standard input. */
export const shells: readonly (readonly string[])[] = [
  ['/bin/sh', '-s'],
  ['dash', '-s'],
  ['bash', '--posix', '-s'],
  ['busybox', 'sh', '-s'],
].filter(([program = '', ...rest]) => spawnSync(program, [...rest], { input: 'exit 7' }).status === 7);

/** Runs a script as it would be run on a host. `end`: resolves with `code` 128 + n when a signal ended it. */
export function run(
  script: Script,
  shell: readonly string[] = ['/bin/sh', '-s'],
  { env = {}, uid }: { readonly env?: NodeJS.ProcessEnv; readonly uid?: number } = {},
): Promise<Output> {
  const [program = '', ...rest] = shell;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { env: { ...process.env, ...env }, ...(uid !== undefined && { uid }) });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => err.push(bytes));
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (code) => {
      const { stdout, sections } = parseOutput(Buffer.concat(out), nonce);
      resolve({ code: code ?? 137, stdout, sections, stderr: Buffer.concat(err).toString(), truncated: false });
    });
    child.stdin.end(wrap(script, nonce));
  });
}

/** Reads as a host run does. */
export async function read(reads: Reads, shell?: readonly string[]): Promise<Found> {
  return parseRead(reads, await run(readScript(reads), shell), 'node01');
}

/** A fresh folder. */
export function folder(): string {
  return temporaryFolder('resources');
}

const { uid, gid } = userInfo();

/** Who runs the tests, as `user:group`. */
export const me = `${spawnSync('id', ['-un']).stdout.toString().trim() || uid}:${spawnSync('id', ['-gn']).stdout.toString().trim() || gid}`;

/** The action that writes a file of ours. */
export function write(path: string, text: string, more: { mode?: string; encoding?: 'latin1' } = {}): Action {
  return { kind: 'write', path, text, mode: '0644', owner: me, ...more };
}

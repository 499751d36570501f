import { spawn } from 'node:child_process';
import { buffer, text } from 'node:stream/consumers';
import type { Sections } from '../../src/facts/sections.ts';
import { parseOutput, wrap } from '../../src/shell/envelope.ts';
import type { Script } from '../../src/shell/script.ts';

const nonce = '0123456789abcdef0123456789abcdef';

/** Who runs the shell, when it is not the one who runs the tests. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface Run {
  readonly code: number | null;
  readonly sections: Sections;
  readonly stderr: string;
  readonly bytes: number;
}

/** Runs a script on this machine as it is run on a host: wrapped, on the standard input of a shell. */
export async function runHere(script: Script, shell: readonly string[] = ['sh'], account?: Account): Promise<Run> {
  const [command = 'sh', ...words] = shell;
  const child = spawn(command, [...words, '-s'], { ...account, stdio: 'pipe' });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  child.stdin.end(wrap(script, nonce));
  const [stdout, stderr, code] = await Promise.all([buffer(child.stdout), text(child.stderr), ended]);
  return { code, sections: parseOutput(stdout, nonce).sections, stderr, bytes: stdout.length };
}

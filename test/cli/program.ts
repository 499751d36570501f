import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { quote } from '../../src/shell/quote.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** How a run of the program ended. */
export interface Ended {
  /** `null`: by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly cwd?: string;
  /** Beside PATH, which is always there; nothing else of this process's environment is. */
  readonly env?: Readonly<Record<string, string>>;
  /** Given on standard input, which then ends. Default: nothing. */
  readonly input?: string;
  /** Another copy of the program. */
  readonly program?: string;
  /** At a terminal of its own, where standard input stays open, and all that is written is standard output. */
  readonly terminal?: boolean;
  /** At a terminal: the file that standard output goes to instead. */
  readonly redirect?: string;
}

/** A run of the program while it lasts. */
export interface Started {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly ended: Promise<Ended>;
  /** What it has written so far. */
  readonly seen: { readonly stdout: string; readonly stderr: string };
  /** Resolves as soon as its standard error, or another stream, matches; rejects when it ends without. */
  said(text: RegExp, stream?: 'stdout' | 'stderr'): Promise<void>;
  type(text: string): void;
  signal(name: NodeJS.Signals): void;
}

/** Runs the built program to its end. */
export async function vfleet(args: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return (await start(args, options)).ended;
}

/** Starts the built program, as a user's shell does. */
export async function start(args: readonly string[], options: StartOptions = {}): Promise<Started> {
  const program = options.program ?? (await built());
  const env = { PATH: process.env['PATH'] ?? '', ...options.env };
  const { redirect } = options;
  const words = [process.execPath, program, ...args];
  const [command = '', ...rest] = options.terminal
    ? [
        'script',
        '-qec',
        [...words.map(quote), ...(redirect === undefined ? [] : [`>${quote(redirect)}`])].join(' '),
        '/dev/null',
      ]
    : words;
  const child = spawn(command, rest, { cwd: options.cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  const seen = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  let over = false;
  const tell = (): void => {
    for (const look of waiting) look();
  };
  // A program may end without reading what it was given.
  child.stdin.on('error', () => {});
  if (!options.terminal) child.stdin.end(options.input ?? '');
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      seen[name] += text;
      tell();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      over = true;
      tell();
      const warning = /^\(node:\d+\).*|^.*\b\w*Warning: .*/m.exec(options.terminal ? seen.stdout : seen.stderr);
      if (warning === null) resolve({ code, signal, ...seen });
      else reject(new Error(`vfleet ${args.join(' ')}: a warning of Node: ${warning[0]}`));
    });
  });
  // Who only waits for a line never looks at the end.
  ended.catch(() => {});
  const said: Started['said'] = (text, stream = 'stderr') =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = text.test(seen[stream]);
        if (!found && !over) return;
        waiting.delete(look);
        if (found) resolve();
        else reject(new Error(`vfleet ${args.join(' ')} ended without saying ${text}:\n${seen[stream]}`));
      };
      waiting.add(look);
      look();
    });
  return {
    child,
    ended,
    seen,
    said,
    type: (text) => void child.stdin.write(text),
    signal: (name) => void child.kill(name),
  };
}

/** The program of this checkout, built anew when a source is newer. `npm test` has built it already. */
async function built(): Promise<string> {
  const program = path.join(root, 'dist/cli/main.js');
  const lock = path.join(root, 'node_modules/.vfleet-build');
  while (await isStale(program)) {
    if (await take(lock)) {
      try {
        if (await isStale(program)) build();
      } finally {
        await rm(lock, { recursive: true, force: true });
      }
    } else await delay(100);
  }
  return program;
}

function build(): void {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the program does not build:\n${stdout}`);
}

async function isStale(program: string): Promise<boolean> {
  const made = await stat(program).catch(() => null);
  if (made === null) return true;
  const sources = await readdir(path.join(root, 'src'), { recursive: true, withFileTypes: true });
  const files = sources.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  const times = await Promise.all(files.map((entry) => stat(path.join(entry.parentPath, entry.name))));
  return times.some((time) => time.mtimeMs > made.mtimeMs);
}

/** One test file builds while the others wait; a lock of a process that has ended is void. */
async function take(lock: string): Promise<boolean> {
  const owner = path.join(lock, 'pid');
  try {
    await mkdir(lock);
    await writeFile(owner, String(process.pid));
    return true;
  } catch {
    const pid = Number(await readFile(owner, 'utf8').catch(() => process.pid));
    if (!isAlive(pid)) await rm(lock, { recursive: true, force: true });
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

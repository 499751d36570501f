import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach } from 'vitest';
import { stringify } from 'yaml';
import { findVmKind } from '../../src/lab/vm/kind.ts';
import type { VmLabStatus, VmNodeStatus } from '../../src/lab/vm/vm-lab.ts';
import { type Ended, type Started, start, vfleet } from '../cli/program.ts';

/** Virtual machines, and the built program to use on them. */
export interface Nodes {
  readonly inventory: string;
  /** `$XDG_STATE_HOME` of the runs: their journals are in `vfleet/runs`. */
  readonly state: string;
  /** Runs a command of the program on the nodes: `vfleet(['plan', 'passthrough'])`. */
  vfleet(args: readonly string[]): Promise<Ended>;
  /** The same with these words alone: for a run that knows its inventory already. */
  vfleetAlone(args: readonly string[]): Promise<Ended>;
  start(args: readonly string[], state?: string): Promise<Started>;
  /** What a command prints on a node, run by OpenSSH's own client: no code of ours is between. Throws when it fails. */
  on(node: string, command: string): Promise<string>;
  /** `lab vm` with these words. */
  lab(...words: readonly string[]): Promise<void>;
  node(name: string): Promise<VmNodeStatus>;
  /** `failed`: the ends of the consoles are shown, and their logs kept. */
  stop(failed?: boolean): Promise<void>;
}

/** Programs that `lab vm` runs; see src/lab/vm/programs.ts. */
export const needed = ['qemu-system-x86_64', 'qemu-img', 'mmdebstrap', 'mke2fs', 'sfdisk', 'mkfs.vfat', 'ssh'];

/** Starts fresh nodes by name and kind, by the program itself. Its progress is shown. `memory`: of each, in MiB. */
export async function startNodes(kinds: Readonly<Record<string, string>>, memory?: number): Promise<Nodes> {
  for (const kind of Object.values(kinds)) if (typeof findVmKind(kind) === 'string') throw new Error(`no kind ${kind}`);
  const folder = await mkdtemp(path.join(tmpdir(), 'vfleet-vm-'));
  const directory = path.join(folder, 'lab');
  const state = path.join(folder, 'state');
  const env = { ...environment(), XDG_STATE_HOME: state };
  const lab = async (...words: readonly string[]): Promise<string> => {
    const started = await start(['lab', 'vm', ...words, '--directory', directory], { env });
    started.child.stderr.on('data', (text: string) => process.stderr.write(text));
    const { code, stdout, stderr } = await started.ended;
    if (code !== 0) throw new Error(`lab vm ${words.join(' ')}: exit code ${code}\n${stderr}`);
    return stdout;
  };
  const status = async (): Promise<VmLabStatus> => JSON.parse(await lab('status', '--json')) as VmLabStatus;
  const stop = async (failed = false): Promise<void> => {
    if (process.env['VFLEET_VM_KEEP'] === 'yes') return;
    if (failed) for (const node of (await status()).nodes) await keepConsole(node, folder);
    await lab('down');
    if (!failed) await rm(folder, { recursive: true, force: true });
  };
  const file = path.join(folder, 'nodes.yaml');
  const nodes = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, { kind, memory }]));
  await writeFile(file, stringify({ nodes }));
  try {
    await lab('up', '--nodes', file);
    const { inventory } = await status();
    const words = (args: readonly string[]) => [...args, '-i', inventory, '--connect-timeout', '60'];
    return {
      inventory,
      state,
      vfleet: (args) => vfleet(words(args), { env }),
      vfleetAlone: (args) => vfleet(args, { env }),
      start: (args, own = state) => start(words(args), { env: { ...env, XDG_STATE_HOME: own } }),
      on: (node, command) => onNode(directory, env, node, command),
      lab: async (...words) => void (await lab(...words)),
      node: async (name) => {
        const found = (await status()).nodes.find((one) => one.name === name);
        if (found === undefined) throw new Error(`no node ${name}`);
        return found;
      },
      stop,
    };
  } catch (error) {
    await lab('down').catch(() => {});
    throw error;
  }
}

/** Shows the end of a node's console, and keeps all of it. */
async function keepConsole({ name, console: log }: VmNodeStatus, folder: string): Promise<void> {
  const kept = path.join(folder, `${name}.console.log`);
  await copyFile(log, kept);
  const end = (await readFile(kept, 'latin1'))
    .replace(/[^\x20-\x7e\n]+/g, '')
    .split('\n')
    .slice(-25);
  process.stderr.write(`console of ${name}, kept in ${kept}:\n  ${end.join('\n  ')}\n`);
}

/** Tells, at the end of the suite in which it is called, whether a test failed: what the nodes said last is wanted then. */
export function watchFailures(): () => boolean {
  let failed = false;
  afterEach(({ task }) => {
    failed ||= task.result?.state === 'fail';
  });
  return () => failed;
}

/** Where images are cached, and how Debian's mirror is reached. */
function environment(): Record<string, string> {
  const passed = Object.entries(process.env).filter(([name]) =>
    /^(XDG_CACHE_HOME|TMPDIR|(https?|no|all)_proxy)$/i.test(name),
  );
  return { HOME: homedir(), ...(Object.fromEntries(passed) as Record<string, string>) };
}

async function onNode(directory: string, env: Record<string, string>, node: string, command: string): Promise<string> {
  const args = ['lab', 'vm', 'ssh', '--directory', directory, node, '--', command];
  const { code, stdout, stderr } = await vfleet(args, { env });
  if (code === 0) return stdout;
  throw new Error(`${node}: ${command}: exit code ${code}\n${stdout}${stderr}`);
}

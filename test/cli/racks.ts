import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, vi } from 'vitest';
import type { Stamped } from '../../src/events/event.ts';
import { readJournal } from '../../src/events/read-journal.ts';
import type { Faults } from '../../src/lab/faults.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { builtinMachineKinds } from '../../src/lab/machine-kind.ts';
import type { LabNode } from '../../src/lab/node.ts';
import { type Ended, type Started, type StartOptions, start, vfleet } from './program.ts';

export interface RackNode {
  readonly name: string;
  /** Default: `debian-12-intel`. */
  readonly kind?: string;
  readonly rack?: string;
  readonly faults?: Faults;
  readonly vars?: Readonly<Record<string, unknown>>;
}

/** A lab, a folder for files of a user's own, and the program run there. */
export interface Racks {
  readonly lab: Lab;
  /** The user's folder: working folder and home. Journals are below `state`. */
  readonly folder: string;
  /** Runs the program with the lab's inventory. */
  vfleet(...args: readonly string[]): Promise<Ended>;
  start(args: readonly string[], options?: StartOptions): Promise<Started>;
  /** Writes a file in the folder; gives its path. */
  write(name: string, text: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts nodes that boot quickly. */
export async function startRacks(nodes: readonly RackNode[]): Promise<Racks> {
  const folder = await makeFolder();
  const kinds = new Map((await builtinMachineKinds()).map((kind) => [kind.name, kind]));
  const lab = await startLab({
    bootMs: 300,
    nodes: nodes.map(({ name, kind = 'debian-12-intel', rack = 'r1', faults, vars }) => {
      const found = kinds.get(kind);
      if (found === undefined) throw new Error(`no machine kind ${kind}`);
      return { name, rack, kind: found, ...(faults && { faults }), ...(vars && { vars }) };
    }),
  });
  const surroundings = (options: StartOptions): StartOptions => ({
    cwd: folder,
    ...options,
    env: { ...environmentOf(folder), VFLEET_INVENTORY: lab.inventoryPath, ...options.env },
  });
  return {
    lab,
    folder,
    vfleet: (...args) => vfleet(args, surroundings({})),
    start: (args, options = {}) => start(args, surroundings(options)),
    async write(name, text) {
      const file = path.join(folder, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text);
      return file;
    },
    async stop() {
      await lab.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A user's folder, outside of any package. */
export async function makeFolder(): Promise<string> {
  return realpath(await mkdtemp(path.join(tmpdir(), 'vfleet-cli-')));
}

/** The environment of a user whose home is that folder. */
export function environmentOf(folder: string): Readonly<Record<string, string>> {
  return { HOME: folder, XDG_STATE_HOME: path.join(folder, 'state'), XDG_CACHE_HOME: path.join(folder, 'cache') };
}

/** A file of a node. */
export function readOn(node: LabNode, file: string): Promise<string> {
  return readFile(path.join(node.root, file), 'utf8');
}

/** Replaces a file of a node; nodes may share the old one. */
export async function replaceOn(node: LabNode, file: string, text: string): Promise<void> {
  const target = path.join(node.root, file);
  await rm(target, { force: true });
  await writeFile(target, text);
  await chmod(target, 0o644);
}

/** Folders of runs, the newest last. */
export async function runFolders({ folder }: Racks): Promise<readonly string[]> {
  const runs = path.join(folder, 'state/vfleet/runs');
  return (await readdir(runs).catch(() => [])).sort().map((name) => path.join(runs, name));
}

/** The journal of the newest run that is about a host. */
export async function journalOf(racks: Racks, host: string): Promise<string> {
  for (const folder of (await runFolders(racks)).toReversed()) {
    const file = path.join(folder, 'journal.jsonl');
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.includes(`{"name":"${host}"`)) return file;
  }
  throw new Error(`no journal about ${host}`);
}

/** What the newest run that is about a host has written down. */
export async function eventsOf(racks: Racks, host: string): Promise<readonly Stamped[]> {
  return (await readJournal(await journalOf(racks, host))).events;
}

/** Resolves as soon as the newest journal about a host says so. */
export async function until(racks: Racks, host: string, said: RegExp): Promise<void> {
  const read = async (): Promise<string> => readFile(await journalOf(racks, host), 'utf8');
  await vi.waitUntil(async () => said.test(await read().catch(() => '')), { timeout: 180_000, interval: 5 });
}

/** Kills the controller as soon as its journal about a host says so. */
export async function killAt(racks: Racks, run: Started, host: string, said: RegExp): Promise<void> {
  await until(racks, host, said);
  run.signal('SIGKILL');
  expect(await run.ended).toMatchObject({ code: null, signal: 'SIGKILL' });
}

/** A playbook that writes one file; quick, as it makes nothing due. */
export const motd = `import { file, playbook, z } from 'vfleet';

export default playbook({
  name: 'Message of the day',
  vars: z.object({ message: z.string().default('Welcome') }),
  async apply(host) {
    await host.ensure(file('/etc/motd', \`\${host.vars.message} to \${host.name}\\n\`));
  },
});
`;

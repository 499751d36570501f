import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../src/cli/environment.ts';
import type { ConnectionArguments } from '../../src/cli/options.ts';
import { type Run, run } from '../../src/cli/run.ts';
import { loadWork } from '../../src/cli/work.ts';
import type { Command, Stamped } from '../../src/events/event.ts';
import { readJournal } from '../../src/events/read-journal.ts';
import type { Faults } from '../../src/lab/faults.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import type { MachineKind } from '../../src/lab/machine.ts';
import { builtinMachineKinds } from '../../src/lab/machine-kind.ts';
import { exitCode } from '../../src/report/exit-code.ts';
import type { HostSummary, Summary } from '../../src/report/summary.ts';

export const passthrough = shipped('passthrough');

/** The file of a playbook that is shipped. */
export function shipped(name: string): string {
  return fileURLToPath(new URL(`../../playbooks/${name}.ts`, import.meta.url));
}

/** Options of a run of such a playbook with variables; in a file, as lists of objects do not go on a command line. */
export async function shippedWith({ folder }: Fleet, playbook: string, vars: unknown): Promise<FleetRun> {
  const file = path.join(folder, `vars-${playbook}.json`);
  await writeFile(file, JSON.stringify(vars));
  return { playbook: shipped(playbook), args: { extraVars: [`@${file}`] } };
}

/** A lab, and the program's own way of running a playbook on it. */
export interface Fleet {
  readonly lab: Lab;
  readonly folder: string;
  readonly environment: Environment;
  run(command: Command, options?: FleetRun): Promise<{ readonly summary: Summary; readonly code: number }>;
  /** What is in the journal of a run. */
  events(run: string | null): Promise<readonly Stamped[]>;
  /** Of a run, the one host. */
  one(
    command: Command,
    host: string,
    options?: FleetRun,
  ): Promise<{ readonly host: HostSummary; readonly code: number }>;
  stop(): Promise<void>;
}

export interface FleetRun
  extends Partial<Pick<Run, 'adopt' | 'expected' | 'reboot' | 'lease' | 'guestsAllowed' | 'rebootAgain' | 'rollout'>> {
  readonly playbook?: string;
  readonly args?: Partial<ConnectionArguments>;
}

export interface FleetNode {
  readonly name: string;
  /** One of the built-in kinds by name, or another one. */
  readonly kind: string | MachineKind;
  readonly rack?: string;
  readonly faults?: Faults;
}

/** Starts nodes of built-in kinds. Reboots are quick, and so is the waiting for them. */
export async function startFleet(nodes: readonly FleetNode[]): Promise<Fleet> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vfleet-e2e-'));
  const kinds = new Map((await builtinMachineKinds()).map((kind) => [kind.name, kind]));
  const lab = await startLab({
    bootMs: 200,
    nodes: nodes.map(({ name, kind, rack = 'r1', faults }) => {
      const found = typeof kind === 'string' ? kinds.get(kind) : kind;
      if (found === undefined)
        throw new Error(`no such machine kind for ${name}; there are ${[...kinds.keys()].join(', ')}`);
      return { name, rack, kind: found, ...(faults !== undefined && { faults }) };
    }),
  });
  const environment: Environment = {
    user: 'root',
    home: folder,
    agent: null,
    stateHome: path.join(folder, 'state'),
    cacheHome: path.join(folder, 'cache'),
    inventory: lab.inventoryPath,
    interactive: false,
    colour: false,
  };
  const runFleet: Fleet['run'] = async (command, { playbook = passthrough, args = {}, ...options } = {}) => {
    const full: ConnectionArguments = {
      json: false,
      verbose: false,
      parallel: 20,
      hostKeys: 'strict',
      connectTimeout: 20,
      ...args,
    };
    const work = await loadWork(playbook, full, environment);
    const summary = await run({
      command,
      ...work,
      args: full,
      environment,
      ...options,
      reboot: { firstPause: 100, longestPause: 500, ...options.reboot },
      progress: { write: () => true },
    });
    return { summary, code: exitCode(summary, command) };
  };
  return {
    lab,
    folder,
    environment,
    run: runFleet,
    async events(name) {
      const journal = path.join(environment.stateHome, 'runs', name ?? '', 'journal.jsonl');
      return (await readJournal(journal)).events;
    },
    async one(command, name, options = {}) {
      const { summary, code } = await runFleet(command, { ...options, args: { ...options.args, limit: [name] } });
      const [host] = summary.hosts;
      if (host === undefined) throw new Error(`no host ${name} in the run`);
      return { host, code };
    },
    async stop() {
      await lab.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Whether the newest run says that a host soaks. */
export async function soaksIn({ environment }: Fleet, host: string): Promise<boolean> {
  const runs = path.join(environment.stateHome, 'runs');
  const [last = ''] = (await readdir(runs).catch(() => [])).toSorted().toReversed();
  const journal = await readFile(path.join(runs, last, 'journal.jsonl'), 'utf8').catch(() => '');
  return journal.includes(`"host":"${host}","phase":"soak"`);
}

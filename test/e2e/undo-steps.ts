import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { vi } from 'vitest';
import { loadFleet } from '../../src/cli/fleet.ts';
import type { ConnectionArguments } from '../../src/cli/options.ts';
import { run } from '../../src/cli/run.ts';
import type { Command } from '../../src/events/event.ts';
import type { Task } from '../../src/host/context.ts';
import { type HostRecord, parseRecord, recordPath } from '../../src/host/record.ts';
import type { LabNode } from '../../src/lab/node.ts';
import { playbook } from '../../src/playbook/define.ts';
import { exitCode } from '../../src/report/exit-code.ts';
import type { HostSummary, Summary } from '../../src/report/summary.ts';
import type { Fleet } from './fleet.ts';

export interface TaskOptions {
  /** The playbook's name. */
  readonly name?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  /** Seconds for a log-in. */
  readonly connectTimeout?: number;
}

export interface Done {
  readonly host: HostSummary;
  readonly summary: Summary;
  readonly code: number;
}

/** Runs a task on one node, as the program does. */
export async function task(fleet: Fleet, node: LabNode, command: Command, what: Task, options: TaskOptions = {}) {
  const args: ConnectionArguments = {
    ...{
      json: false,
      verbose: false,
      parallel: 20,
      hostKeys: 'strict',
      connectTimeout: options.connectTimeout ?? 20,
      limit: [node.name],
    },
  };
  const { name = 'PCI passthrough', dryRun = false } = options;
  const summary = await run({
    command,
    fleet: await loadFleet(args, fleet.environment),
    playbook: playbook({ name }),
    vars: new Map(),
    task: what,
    dryRun,
    args,
    environment: fleet.environment,
    reboot: { firstPause: 100, longestPause: 500 },
    progress: { write: () => true },
  });
  const [host] = summary.hosts;
  if (host === undefined) throw new Error(`no host ${node.name} in the run`);
  return { host, summary, code: exitCode(summary, command) } satisfies Done;
}

/** Undoes a playbook on one node. */
export function undo(fleet: Fleet, node: LabNode, options: TaskOptions = {}): Promise<Done> {
  return task(fleet, node, 'undo', { kind: 'undo', force: options.force ?? false }, options);
}

/** Every file under folders of a node: mode, owner and content; folders by their mode. Links are not followed. */
export async function contents(node: LabNode, folders = ['etc', 'boot']): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  const walk = async (folder: string): Promise<void> => {
    // Not recursive by itself: that follows links, and some systems have /boot/boot, which leads to /boot.
    for (const name of await readdir(path.join(node.root, folder))) {
      const file = `${folder}/${name}`;
      const info = await lstat(path.join(node.root, file));
      const head = `${(info.mode & 0o7777).toString(8)} ${info.uid}:${info.gid}`;
      found[`/${file}`] = info.isFile()
        ? `${head} ${digest(await readFile(path.join(node.root, file)))}`
        : `${head} no file`;
      if (info.isDirectory()) await walk(file);
    }
  };
  for (const folder of folders) await walk(folder);
  return found;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A playbook file of these resources, by the text of each. */
export async function playbookOf(fleet: Fleet, name: string, resources: readonly string[]): Promise<string> {
  const file = path.join(
    fleet.folder,
    `${name.replaceAll(' ', '-')}-${digest(Buffer.from(resources.join())).slice(0, 8)}.ts`,
  );
  await writeFile(
    file,
    `import { absent, file, kernelArguments, modulesToLoad, playbook } from 'vfleet';
export default playbook({
  name: '${name}',
  async apply(host) {
    await host.ensure(${resources.join(', ')});
    await host.settle();
    void [absent, file, kernelArguments, modulesToLoad];
  },
});
`,
  );
  return file;
}

/** The arguments that the kernel runs with. */
export async function running(node: LabNode): Promise<readonly string[]> {
  return (await readFile(path.join(node.root, 'proc/cmdline'), 'utf8')).trim().split(' ');
}

/** A tool on a node that stalls before it touches a path, so that the power can be cut at that moment. */
export async function stallBefore(node: LabNode, tool: 'mv' | 'rm', target: string, nth = 1) {
  const wrapper = path.join(node.root, 'usr/local/sbin', tool);
  const mark = path.join(node.root, 'var/lib/stalled');
  await mkdir(path.dirname(wrapper), { recursive: true });
  await writeFile(
    wrapper,
    `#!/bin/sh
for last; do :; done
if [ "$last" = '${target}' ]; then
  echo >>/var/lib/stall-count
  if [ "$(/usr/bin/wc -l </var/lib/stall-count)" = ${nth} ]; then : >/var/lib/stalled; /usr/bin/sleep 600; fi
fi
exec /usr/bin/${tool} "$@"
`,
    { mode: 0o755 },
  );
  return {
    reached: () => vi.waitUntil(() => existsSync(mark), { timeout: 60_000, interval: 20 }),
    async release() {
      for (const file of [wrapper, mark, path.join(node.root, 'var/lib/stall-count')]) await rm(file, { force: true });
    },
  };
}

/** The record on a node. */
export async function recordOf(node: LabNode): Promise<HostRecord> {
  return parseRecord(await readFile(path.join(node.root, recordPath), 'utf8'));
}

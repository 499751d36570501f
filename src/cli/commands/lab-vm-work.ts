import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { VfleetError } from '../../errors.ts';
import type { WishedAccelerator } from '../../lab/vm/accelerator.ts';
import { readNodesFile } from '../../lab/vm/nodes-file.ts';
import {
  bringDown,
  bringUp,
  logIn,
  reset as resetNodes,
  status as statusOf,
  type VmLabStatus,
} from '../../lab/vm/vm-lab.ts';
import type { Environment } from '../environment.ts';
import { say, write } from '../output.ts';

interface LabArguments {
  readonly directory: string;
}

interface ImageArguments extends LabArguments {
  readonly mirror?: string | undefined;
  readonly accelerator: WishedAccelerator;
}

/** Brings the lab up. Prints the path of its inventory. */
export async function up(
  args: ImageArguments & { readonly nodes?: string | undefined },
  environment: Environment,
): Promise<number> {
  const wishes = args.nodes === undefined ? null : await readNodesFile(args.nodes);
  return tell(await bringUp(wishes, optionsOf(args, environment)));
}

/** Makes nodes anew. */
export async function reset(
  args: ImageArguments & { readonly node: readonly string[] },
  environment: Environment,
): Promise<number> {
  return tell(await resetNodes(args.node, optionsOf(args, environment)));
}

/** Shows the nodes. */
export async function status({ directory, json }: LabArguments & { readonly json: boolean }): Promise<number> {
  const lab = await statusOf(resolve(directory));
  if (json) write(`${JSON.stringify({ version: 1, ...lab }, null, 2)}\n`);
  else write(`${table(lab)}\ninventory: ${lab.inventory}\naccelerator: ${lab.accelerator}\n`);
  return 0;
}

/** Hands over to ssh(1); its exit code is ours. */
export async function ssh({
  directory,
  node,
  command,
}: LabArguments & { readonly node: string; readonly command: readonly string[] }): Promise<number> {
  const args = [...(await logIn(resolve(directory), node)), ...command];
  const child = spawn('ssh', args, { stdio: 'inherit' });
  // Ctrl-C is for the command on the node: ssh passes it on, and we wait for its end.
  process.on('SIGINT', () => {});
  return new Promise((done, fail) => {
    child.on('error', ({ message }) => fail(noSsh(message)));
    child.on('exit', (code) => done(code ?? 255));
  });
}

function noSsh(found: string): VfleetError {
  const next = 'apt-get install --no-install-recommends openssh-client   # Debian, Ubuntu';
  return new VfleetError({ code: 'lab.tool-missing', thing: 'ssh', expected: 'a program that starts', found, next });
}

/** Ends the lab. */
export async function down({ directory }: LabArguments): Promise<number> {
  const names = await bringDown(resolve(directory));
  say(`off and removed: ${names.join(', ')}\n`);
  return 0;
}

function optionsOf({ directory, mirror, accelerator }: ImageArguments, { cacheHome }: Environment) {
  const began = Date.now();
  const onStep = (thing: string, text: string): void => {
    const seconds = Math.round((Date.now() - began) / 1000);
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    say(`${time.padStart(5)}  ${thing}: ${text}\n`);
  };
  return { folder: resolve(directory), cache: join(cacheHome, 'vm'), mirror, accelerator, onStep };
}

function tell(lab: VmLabStatus): number {
  write(`inventory: ${lab.inventory}\n`);
  const slow = lab.accelerator === 'tcg' ? ' --connect-timeout 60' : '';
  say(`try: vfleet plan passthrough -i ${lab.inventory}${slow}\nvfleet lab vm down ends the lab.\n`);
  return 0;
}

function table({ nodes }: VmLabStatus): string {
  const head = ['node', 'rack', 'kind', 'state', 'port', 'boots', 'process'];
  const rows = nodes.map(({ name, rack, kind, state, port, boots, process }) =>
    [name, rack, kind, state, port, boots, process ?? '-'].map(String),
  );
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}

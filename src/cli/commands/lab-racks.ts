import { fileURLToPath } from 'node:url';
import { defaultMachines } from '../../lab/default-machines.ts';
import { runDemo } from '../../lab/demo.ts';
import { startLab } from '../../lab/lab.ts';
import { readMachinesFile } from '../../lab/machines-file.ts';
import { say, write } from '../output.ts';

/** What `lab up` parses. */
export interface UpArguments {
  readonly machines?: string | undefined;
  readonly directory?: string | undefined;
  /** Milliseconds. */
  readonly bootMs: number;
}

/** Starts racks, tells where their inventory is, and stays until Ctrl-C. */
export async function up({ machines, directory, bootMs }: UpArguments): Promise<void> {
  const nodes = machines === undefined ? await defaultMachines() : await readMachinesFile(machines);
  const running = await startLab({
    nodes,
    bootMs,
    ...(directory !== undefined && { directory }),
    onProgress: showProgress,
  });
  write(`inventory: ${running.inventoryPath}\n`);
  say(`try: vfleet plan passthrough -i ${running.inventoryPath}\nCtrl-C ends the lab.\n`);
  await untilInterrupted();
  await running.stop();
}

/** Shows the whole job on simulated racks. */
export async function demo(): Promise<void> {
  await runDemo({
    program: [process.execPath, fileURLToPath(new URL('../main.js', import.meta.url))],
    playbook: 'passthrough',
    say: write,
  });
}

/** One line that counts up on a terminal; elsewhere only the last. */
function showProgress(up: number, all: number): void {
  if (process.stderr.isTTY) say(`\rstarting nodes: ${up} of ${all}${up === all ? '\n' : ''}`);
  else if (up === all) say(`${all} nodes are up\n`);
}

function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    // Something must keep the process alive besides the listening nodes, which may all be rebooting.
    const alive = setInterval(() => {}, 60_000);
    const end = (): void => {
      clearInterval(alive);
      resolve();
    };
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
  });
}

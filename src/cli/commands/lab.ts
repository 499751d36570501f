import { fileURLToPath } from 'node:url';
import type { Argv } from 'yargs';
import { defaultMachines } from '../../lab/default-machines.ts';
import { runDemo } from '../../lab/demo.ts';
import { startLab } from '../../lab/lab.ts';
import { readMachinesFile } from '../../lab/machines-file.ts';
import type { Environment } from '../environment.ts';
import { number, one } from '../options.ts';
import { say, write } from '../output.ts';

/** `vfleet lab`: simulated racks, for demonstration and for one's own tries. */
export function labCommand(yargs: Argv, _environment: Environment, exit: (code: number) => void): Argv {
  return yargs.command(
    'lab',
    'simulated racks: real SSH servers, real shells, stand-ins for GRUB, kernel and reboot',
    (lab) =>
      lab
        .command(
          'up',
          'start racks, write their inventory, and stay until Ctrl-C',
          (command) =>
            command
              .option('machines', {
                type: 'string',
                coerce: one('machines'),
                describe: 'YAML file of racks and machine kinds (default: 4 racks of 6)',
                requiresArg: true,
              })
              .option('directory', {
                type: 'string',
                coerce: one('directory'),
                describe: 'an empty folder for the lab (default: a temporary one)',
                requiresArg: true,
              })
              .option('boot-ms', {
                type: 'number',
                default: 2000,
                coerce: number('boot-ms', 'milliseconds from 0', (given) => given >= 0),
                describe: 'milliseconds that a reboot takes',
                requiresArg: true,
              })
              .example('$0 lab up', 'then, elsewhere: vfleet plan passthrough -i INVENTORY')
              .example('$0 lab up --machines my-racks.yaml', 'machines of your own choice; see docs/lab.md'),
          async (args) => {
            const nodes = args.machines === undefined ? await defaultMachines() : await readMachinesFile(args.machines);
            const running = await startLab({
              nodes,
              bootMs: args.bootMs,
              ...(args.directory !== undefined && { directory: args.directory }),
              onProgress: showProgress,
            });
            write(`inventory: ${running.inventoryPath}\n`);
            say(`try: vfleet plan passthrough -i ${running.inventoryPath}\nCtrl-C ends the lab.\n`);
            await untilInterrupted();
            await running.stop();
            exit(0);
          },
        )
        .command(
          'demo',
          'the whole job on 24 simulated nodes: plan, apply with reboots, verify, apply again',
          (command) => command.example('$0 lab demo', 'under a minute; exit 0: each step ended as it should'),
          async () => {
            await runDemo({
              program: [process.execPath, fileURLToPath(new URL('../main.js', import.meta.url))],
              playbook: 'passthrough',
              say: write,
            });
            exit(0);
          },
        )
        .demandCommand(1, 'lab: name what to do with it: up or demo')
        .example('$0 lab demo', 'watch the whole job')
        .example('$0 lab up', 'racks for tries of your own'),
  );
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

import type { Argv } from 'yargs';
import type { Environment } from '../environment.ts';
import { number, one } from '../option-value.ts';
import { labVmCommand } from './lab-vm.ts';

/** `vfleet lab`: test nodes, for demonstration, for one's own tries, and for CI. */
export function labCommand(yargs: Argv, environment: Environment, exit: (code: number) => void): Argv {
  return yargs.command('lab', 'test nodes: simulated racks, and virtual machines that really boot', (lab) =>
    labVmCommand(lab, environment, exit)
      .command(
        'up',
        'start simulated racks, write their inventory, and stay until Ctrl-C',
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
          await (await import('./lab-racks.ts')).up(args);
          exit(0);
        },
      )
      .command(
        'demo',
        'the whole job on 24 simulated nodes: plan, apply with reboots, verify, apply again',
        (command) => command.example('$0 lab demo', 'under a minute; exit 0: each step ended as it should'),
        async () => {
          await (await import('./lab-racks.ts')).demo();
          exit(0);
        },
      )
      .demandCommand(1, 'lab: name what to do with it: up, demo or vm')
      .example('$0 lab demo', 'watch the whole job')
      .example('$0 lab up', 'simulated racks for tries of your own')
      .example('$0 lab vm up', 'virtual machines'),
  );
}

import { join } from 'node:path';
import type { Argv } from 'yargs';
import type { Environment } from '../environment.ts';
import { one } from '../option-value.ts';

/** `vfleet lab vm`: virtual machines with real GRUB, kernels and IOMMUs, for CI and for one's own tries. */
export function labVmCommand(yargs: Argv, environment: Environment, exit: (code: number) => void): Argv {
  return yargs.command('vm', 'virtual machines: real GRUB, kernels, IOMMUs and reboots, under QEMU', (vm) =>
    vm
      .option('directory', {
        type: 'string',
        default: join(environment.stateHome, 'vm-lab'),
        defaultDescription: '~/.local/state/vfleet/vm-lab',
        coerce: one('directory'),
        describe: "the lab's own folder: disks, keys, inventory",
        requiresArg: true,
      })
      .command(
        'up',
        'build the images that the cache lacks, start the nodes, wait for them, write their inventory',
        (command) =>
          withImages(command)
            .option('nodes', {
              type: 'string',
              coerce: one('nodes'),
              describe:
                'YAML file of nodes and their kinds (default: the nodes that are there, else intel, amd and vtd-off)',
              requiresArg: true,
            })
            .example('$0 lab vm up', 'then: vfleet plan passthrough -i INVENTORY --connect-timeout 60')
            .example('$0 lab vm up --nodes nodes.yaml', 'nodes of your own choice; see docs/vm-lab.md'),
        async (args) => exit(await (await import('./lab-vm-work.ts')).up(args, environment)),
      )
      .command(
        'status',
        'each node: off, booting or up, its port, and how often it has booted',
        (command) =>
          command
            .option('json', { type: 'boolean', default: false, describe: 'one machine-readable document' })
            .example('$0 lab vm status', 'a table; the console of each node is in --json'),
        async (args) => exit(await (await import('./lab-vm-work.ts')).status(args)),
      )
      .command(
        'ssh <node> [command..]',
        'log in to a node, or run a command there',
        (command) =>
          command
            .positional('node', { type: 'string', demandOption: true, describe: 'its name' })
            .positional('command', { type: 'string', array: true, describe: 'default: a shell; write -- before it' })
            .parserConfiguration({ 'populate--': true })
            .example('$0 lab vm ssh intel', 'a shell')
            .example('$0 lab vm ssh intel -- sudo dmesg', 'a command; its exit code is the exit code'),
        async (args) => {
          const words = [...(args.command ?? []), ...((args['--'] as readonly string[] | undefined) ?? [])];
          exit(await (await import('./lab-vm-work.ts')).ssh({ ...args, command: words }));
        },
      )
      .command(
        'reset [node..]',
        'make nodes anew, as if they had never run; without names all',
        (command) =>
          withImages(command)
            .positional('node', { type: 'string', array: true, default: [], describe: 'their names' })
            .example('$0 lab vm reset', 'all nodes as new, before the next test')
            .example('$0 lab vm reset intel', 'that one alone'),
        async (args) => exit(await (await import('./lab-vm-work.ts')).reset(args, environment)),
      )
      .command(
        'down',
        'turn all nodes off and remove the lab; images stay in the cache',
        (command) => command.example('$0 lab vm down', 'what is kept: images, in ~/.cache/vfleet/vm'),
        async (args) => exit(await (await import('./lab-vm-work.ts')).down(args)),
      )
      .demandCommand(1, 'lab vm: name what to do: up, status, ssh, reset or down')
      .example('$0 lab vm up', 'an Intel and an AMD node, and one with VT-d off')
      .example('$0 lab vm down', 'the end of them'),
  );
}

/** Options of what may have to build images. */
function withImages<T>(yargs: Argv<T>) {
  return yargs
    .option('mirror', {
      type: 'string',
      coerce: one('mirror'),
      describe: "Debian's mirror for images (default: mmdebstrap's)",
      requiresArg: true,
    })
    .option('accelerator', {
      choices: ['auto', 'kvm', 'tcg'] as const,
      default: 'auto' as const,
      describe: 'kvm: refuse to go without; tcg: software emulation; auto: kvm where it works',
    });
}

import type { Argv } from 'yargs';
import { withInventory } from '../options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet inventory`: who is in it, as a list or a tree, and where each value comes from. */
export function inventoryCommand(yargs: Argv, { environment, exit }: CommandContext): Argv {
  return yargs.command(
    'inventory [host]',
    'list the hosts, draw the tree, or show where the values of one host come from',
    (command) =>
      withInventory(command)
        .positional('host', { type: 'string', describe: 'show every value of this host with its origin' })
        .option('tree', { type: 'boolean', default: false, describe: 'draw groups, racks and hosts' })
        .option('schema', {
          type: 'boolean',
          default: false,
          describe: 'print the JSON Schema of an inventory, for editors',
        })
        .example('$0 inventory -l rack:r12', 'the hosts of a rack')
        .example('$0 inventory node07', 'where each value of node07 comes from')
        .example('$0 inventory --schema >inventory.schema.json', 'for `# yaml-language-server: $schema=…`'),
    async (args) => {
      await (await import('../inventory.ts')).inventory(args, environment);
      exit(0);
    },
  );
}

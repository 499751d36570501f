import type { Argv } from 'yargs';
import type { Inventory } from '../../inventory/host.ts';
import { inventorySchema } from '../../inventory/schema.ts';
import { explainHost, explainValues, inventoryTree } from '../../inventory/show.ts';
import { foldNames } from '../../names.ts';
import { didYouMean } from '../../nearest.ts';
import { escapeJson } from '../../report/escape.ts';
import { count } from '../../report/text/block.ts';
import type { Environment } from '../environment.ts';
import { loadFleet } from '../fleet.ts';
import { withInventory } from '../options.ts';
import { warn, write } from '../output.ts';
import { UsageError } from '../usage-error.ts';

/** `vfleet inventory`: who is in it, as a list or a tree, and where each value comes from. */
export function inventoryCommand(yargs: Argv, environment: Environment, exit: (code: number) => void): Argv {
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
      if (args.schema) {
        write(`${JSON.stringify(inventorySchema(), null, 2)}\n`);
        return exit(0);
      }
      const { inventory, hosts } = await loadFleet(args, environment);
      for (const warning of inventory.warnings) warn(warning);
      const named = args.host === undefined ? undefined : hosts.find((host) => host.name === args.host);
      if (args.host !== undefined && named === undefined) throw unknownHost(args.host, inventory);
      if (args.json) {
        const shown = named === undefined ? hosts : [named];
        const list = shown.map((host) => ({
          name: host.name,
          rack: host.rack,
          groups: host.groups,
          values: explainValues(host),
        }));
        write(`${escapeJson(JSON.stringify({ version: 1, source: inventory.source, hosts: list }, null, 2))}\n`);
      } else if (named !== undefined) write(`${explainHost(named)}\n`);
      else if (args.tree) write(`${inventoryTree(inventory)}\n`);
      else {
        for (const host of hosts) {
          const rack = host.rack === null ? '' : `  rack ${host.rack}`;
          write(`${host.name}  ${host.ssh.address}:${host.ssh.port}${rack}\n`);
        }
        write(`${count(hosts.length, 'host')}: ${foldNames(hosts.map((host) => host.name)).join(' ')}\n`);
      }
      exit(0);
    },
  );
}

function unknownHost(name: string, { source, hosts }: Inventory): UsageError {
  const names = hosts.map((host) => host.name);
  if (names.includes(name)) return new UsageError(`${name}: not among the hosts that -l names`);
  return new UsageError(
    `${name}: no such host in ${source}${didYouMean(name, names)}\nsee them with \`vfleet inventory\``,
  );
}

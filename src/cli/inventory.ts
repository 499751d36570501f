import type { Inventory, InventoryHost } from '../inventory/host.ts';
import { inventorySchema } from '../inventory/schema.ts';
import { explainHost, explainJson, inventoryTree } from '../inventory/show.ts';
import { foldNames } from '../names.ts';
import { didYouMean } from '../nearest.ts';
import { escapeJson } from '../report/escape.ts';
import { count } from '../report/text/block.ts';
import type { Environment } from './environment.ts';
import { loadFleet } from './fleet.ts';
import type { InventoryArguments } from './options.ts';
import { warn, write } from './output.ts';
import { UsageError } from './usage-error.ts';

/** What `inventory` parses. */
export interface ListArguments extends InventoryArguments {
  readonly host?: string | undefined;
  readonly tree: boolean;
  readonly schema: boolean;
}

/** Shows the inventory: as a list, a tree, a document, or one host with the origin of each value. */
export async function inventory(args: ListArguments, environment: Environment): Promise<void> {
  if (args.schema) return write(`${JSON.stringify(inventorySchema(), null, 2)}\n`);
  const { inventory: loaded, hosts } = await loadFleet(args, environment);
  for (const warning of loaded.warnings) warn(warning);
  const named = args.host === undefined ? null : hostOf(args.host, hosts, loaded);
  if (args.json) write(documentOf(loaded, named === null ? hosts : [named]));
  else if (named !== null) write(`${explainHost(named)}\n`);
  else if (args.tree) write(`${inventoryTree(loaded)}\n`);
  else write(listOf(hosts));
}

function hostOf(name: string, chosen: readonly InventoryHost[], { source, hosts }: Inventory): InventoryHost {
  const found = chosen.find((host) => host.name === name);
  if (found !== undefined) return found;
  const names = hosts.map((host) => host.name);
  if (names.includes(name)) throw new UsageError(`${name}: not among the hosts that -l names`);
  throw new UsageError(
    `${name}: no such host in ${source}${didYouMean(name, names)}\nsee them with \`vfleet inventory\``,
  );
}

function documentOf({ source }: Inventory, hosts: readonly InventoryHost[]): string {
  const list = hosts.map((host) => ({
    name: host.name,
    rack: host.rack,
    groups: host.groups,
    values: explainJson(host),
  }));
  return `${escapeJson(JSON.stringify({ version: 1, source, hosts: list }, null, 2))}\n`;
}

function listOf(hosts: readonly InventoryHost[]): string {
  const lines = hosts.map(({ name, rack, ssh }) => {
    return `${name}  ${ssh.address}:${ssh.port}${rack === null ? '' : `  rack ${rack}`}\n`;
  });
  return `${lines.join('')}${count(hosts.length, 'host')}: ${foldNames(hosts.map(({ name }) => name)).join(' ')}\n`;
}

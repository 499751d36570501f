import { stringify } from 'yaml';
import { labAddress } from './port.ts';

/** What an inventory says of a lab node. */
export interface InventoryNode {
  readonly name: string;
  readonly rack: string;
  readonly port: number;
  readonly vars: Readonly<Record<string, unknown>>;
}

/** The text of an inventory of lab nodes, in native spellings: a group for each rack, which is the failure domain. */
export function inventoryText(
  nodes: readonly InventoryNode[],
  ssh: { readonly user: string; readonly keyFile: string; readonly knownHosts: string; readonly elevate?: 'sudo' },
): string {
  const racks = [...new Set(nodes.map((node) => node.rack))].map((rack) => {
    const hosts = nodes.filter((node) => node.rack === rack).map((node) => [node.name, hostOf(node, ssh)] as const);
    return [rack, { rack, hosts: Object.fromEntries(hosts) }] as const;
  });
  return stringify({ all: { children: Object.fromEntries(racks) } }, { lineWidth: 0 });
}

function hostOf(node: InventoryNode, ssh: object): object {
  return { ssh: { address: labAddress, port: node.port, ...ssh }, ...node.vars };
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inventoryText } from '../inventory-file.ts';
import { type KeyPair, knownHostsLine, makeKeyPair } from '../keys.ts';
import { labAddress } from '../port.ts';
import type { StoredLab } from './lab-file.ts';
import { accessFiles, nodeUser } from './log-in.ts';

/** The key that all nodes of a lab let in, made with the lab. */
export async function makeOperatorKey(folder: string): Promise<KeyPair> {
  const key = makeKeyPair('vfleet-lab');
  await writeFile(accessFiles(folder).keyFile, key.privateKey, { mode: 0o600 });
  return key;
}

/** Where the inventory of a lab is. */
export function inventoryOf(folder: string): string {
  return join(folder, 'inventory.yaml');
}

/** Writes what reaches the nodes: an inventory, and known_hosts with their keys. */
export async function writeAccess(folder: string, { nodes }: Pick<StoredLab, 'nodes'>): Promise<void> {
  const { keyFile, knownHosts } = accessFiles(folder);
  const pins = nodes.map(({ port, hostKey }) => `${knownHostsLine(labAddress, port, { publicLine: hostKey })}\n`);
  await writeFile(knownHosts, pins.join(''));
  await writeFile(inventoryOf(folder), inventoryText(nodes, { user: nodeUser, keyFile, knownHosts, elevate: 'sudo' }));
}

import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { VfleetError } from '../errors.ts';
import { CannedNode } from './canned.ts';
import type { Strategy } from './cell.ts';
import { inventoryText } from './inventory-file.ts';
import { knownHostsLine, makeKeyPair } from './keys.ts';
import { makeLabFolder } from './lab-folder.ts';
import { endWithProcess } from './live-labs.ts';
import type { MachineModel } from './machine.ts';
import { type AnyNode, type Holdings, makeNodes, type NodePlan } from './make-nodes.ts';
import { machineModel } from './model/machine-model.ts';
import { LabNode } from './node.ts';
import { labAddress } from './port.ts';

export interface LabOptions {
  readonly nodes: readonly NodePlan[];
  /** An empty or a new folder for everything of the lab. Default: a new one among the temporary files. */
  readonly directory?: string;
  /** Milliseconds that a reboot takes, give or take a quarter. Default: 400. */
  readonly bootMs?: number;
  /** Makes boot times repeatable. Default: `lab`. */
  readonly seed?: string;
  /** A log-in password for root, beside the key. Default: none. */
  readonly password?: string;
  /** Default: the model of Linux machines. */
  readonly model?: MachineModel;
  /** Default: the first that works here. */
  readonly strategy?: Strategy;
  /** Called each time that one more node is up. */
  readonly onProgress?: (up: number, all: number) => void;
}

/** Running nodes, with what a client needs to reach them. */
export interface Lab {
  readonly directory: string;
  readonly inventoryPath: string;
  readonly knownHostsPath: string;
  /** The private key that every node accepts for root. */
  readonly keyFile: string;
  /** Nodes with a machine, in the order of the plan. */
  readonly nodes: readonly LabNode[];
  readonly canned: readonly CannedNode[];
  /** The node of that name. Errors: `lab.no-node`. */
  node(name: string): LabNode;
  cannedNode(name: string): CannedNode;
  /** Ends every process and removes every file of the lab. */
  stop(): Promise<void>;
}

/**
 * Starts nodes, and writes the inventory, known_hosts and the key that reach them. Call `stop` in the end; when this
 * process ends before, the nodes end with it.
 * Errors: `lab.tool-missing`, `lab.no-sandbox`, `lab.folder-not-empty`, `lab.node-name`, `lab.no-port`, `lab.dead`, and
 * those of `LabNode.setFaults`.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const folder = await makeLabFolder(options.directory);
  const holdings: Holdings = { nodes: [], ports: [] };
  const forget = endWithProcess({ endNow: () => endNow(holdings, folder.path) });
  const stop = async () => {
    await Promise.all(holdings.nodes.map((node) => node.stop()));
    for (const port of holdings.ports) port.release();
    await folder.remove();
    forget();
  };
  try {
    const key = makeKeyPair('vfleet-lab');
    const workshop = {
      folder: folder.path,
      account: { user: 'root', publicLine: key.publicLine, password: options.password ?? null },
      model: options.model ?? machineModel,
      bootMs: options.bootMs ?? 400,
      seed: options.seed ?? 'lab',
      strategy: options.strategy,
      onProgress: options.onProgress ?? (() => {}),
    };
    const nodes = await makeNodes(options.nodes, workshop, holdings);
    const files = await writeFiles(folder.path, key.privateKey, options.nodes, nodes);
    return { directory: folder.path, ...files, ...lookup(nodes), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function endNow({ nodes }: Holdings, folder: string): void {
  for (const node of nodes) if (node instanceof LabNode) node.killNow();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function writeFiles(
  folder: string,
  privateKey: string,
  plans: readonly NodePlan[],
  nodes: readonly AnyNode[],
): Promise<Pick<Lab, 'inventoryPath' | 'knownHostsPath' | 'keyFile'>> {
  const keyFile = path.join(folder, 'id_ed25519');
  const knownHosts = path.join(folder, 'known_hosts');
  const inventoryPath = path.join(folder, 'inventory.yaml');
  const vars = new Map(plans.map((plan) => [plan.name, plan.vars ?? {}]));
  const hosts = nodes.map(({ name, rack, port }) => ({ name, rack, port, vars: vars.get(name) ?? {} }));
  const pins = nodes.map((node) => `${knownHostsLine(labAddress, node.port, node.hostKey)}\n`);
  await writeFile(keyFile, privateKey, { mode: 0o600 });
  await writeFile(knownHosts, pins.join(''));
  await writeFile(inventoryPath, inventoryText(hosts, { user: 'root', keyFile, knownHosts }));
  return { inventoryPath, knownHostsPath: knownHosts, keyFile };
}

function lookup(all: readonly AnyNode[]): Pick<Lab, 'nodes' | 'canned' | 'node' | 'cannedNode'> {
  const nodes = all.filter((node) => node instanceof LabNode);
  const canned = all.filter((node) => node instanceof CannedNode);
  return {
    nodes,
    canned,
    node: (name) => nodes.find((node) => node.name === name) ?? absent(name, nodes),
    cannedNode: (name) => canned.find((node) => node.name === name) ?? absent(name, canned),
  };
}

function absent(name: string, nodes: readonly { readonly name: string }[]): never {
  throw new VfleetError({
    code: 'lab.no-node',
    thing: `lab node ${name}`,
    expected: `one of ${nodes.map((node) => node.name).join(', ')}`,
    found: 'no node of that name',
  });
}

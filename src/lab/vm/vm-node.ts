import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { VfleetError } from '../../errors.ts';
import { makeKeyPair } from '../keys.ts';
import type { ImageOptions, Images } from './images.ts';
import { findVmKind, type VmKind } from './kind.ts';
import type { StoredLab, StoredNode } from './lab-file.ts';
import { untilLogIn } from './log-in.ts';
import { checkImage, furnishNode } from './node-folder.ts';
import { qemuModels } from './qemu-models.ts';
import { powerOn, processOf } from './virtual-machine.ts';

/** A node that has never run. It gets a host key of its own. */
export async function makeNode(
  node: Omit<StoredNode, 'hostKey'>,
  authorizedKey: string,
  images: Images,
  folder: string,
): Promise<StoredNode> {
  const key = makeKeyPair(node.name);
  const kind = kindOf(node);
  const identity = { hostname: node.name, hostKey: key.privateKey, authorizedKey };
  await furnishNode(nodeFolder(folder, node.name), kind, images.of(kind.recipe), identity);
  return { ...node, hostKey: key.publicLine };
}

/** Turns on what is off, as many at once as there are processors, and waits for all. */
export async function startNodes(
  lab: StoredLab,
  nodes: readonly StoredNode[],
  { accelerator }: Images,
  { folder, onStep }: Pick<ImageOptions, 'onStep'> & { readonly folder: string },
): Promise<void> {
  const models = await qemuModels();
  const limit = pLimit(availableParallelism());
  const start = async (node: StoredNode): Promise<void> => {
    const { name, port, memory } = node;
    const at = nodeFolder(folder, name);
    const began = Date.now();
    if ((await processOf(at)) === null) {
      onStep(`node ${name}`, `${node.kind} boots (${accelerator.name})`);
      await checkImage(at, name);
      const machine = { kind: kindOf(node), accelerator: lab.accelerator, folder: at, port, memory, models };
      await powerOn(machine).catch((thrown: unknown) => {
        throw thrown instanceof VfleetError ? thrown.about(`node ${name}`) : thrown;
      });
    }
    await untilLogIn({ name, folder: at, lab: folder, port });
    onStep(`node ${name}`, `up, ${Math.round((Date.now() - began) / 1000)} s`);
  };
  const results = await Promise.allSettled(nodes.map((node) => limit(start, node)));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** The kind of a node that a lab has. Errors: `lab.vm-file`. */
export function kindOf(node: Pick<StoredNode, 'name' | 'kind'>): VmKind {
  const kind = findVmKind(node.kind);
  if (typeof kind === 'string') throw new VfleetError({ code: 'lab.vm-file', thing: `node ${node.name}`, found: kind });
  return kind;
}

/** Where a node's disks and console are, in the folder of its lab. */
export function nodeFolder(folder: string, name: string): string {
  return join(folder, 'nodes', name);
}

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { VfleetError } from '../../errors.ts';
import { didYouMean } from '../../nearest.ts';
import { reservePort } from '../port.ts';
import { inventoryOf, makeOperatorKey, writeAccess } from './access.ts';
import { type ImageOptions, type Images, prepareImages } from './images.ts';
import { readLab, type StoredLab, type StoredNode, writeLab } from './lab-file.ts';
import { withLock } from './lab-lock.ts';
import { sshArguments } from './log-in.ts';
import { type NodeWish, usualNodes } from './nodes-file.ts';
import { checkOwn, claim, makeFolder, ownFiles, realFolder, settle } from './own-folder.ts';
import type { Recipe } from './recipe.ts';
import { bootsOf, type NodeState, powerCut, processOf, stateOf } from './virtual-machine.ts';
import { kindOf, makeNode, nodeFolder, startNodes } from './vm-node.ts';
import { checkWished } from './wished.ts';

/** Where a lab is, and what it is made with. */
export interface VmLabOptions extends ImageOptions {
  /** The lab's own folder: disks, keys, inventory. */
  readonly folder: string;
}

/** A node as it is now. */
export interface VmNodeStatus {
  readonly name: string;
  readonly rack: string;
  readonly kind: string;
  readonly port: number;
  readonly state: NodeState;
  /** Process id of its QEMU. */
  readonly process: number | null;
  /** Boots since it was made or reset. */
  readonly boots: number;
  readonly console: string;
}

/** A lab as it is now. */
export interface VmLabStatus {
  readonly accelerator: StoredLab['accelerator'];
  readonly inventory: string;
  readonly nodes: readonly VmNodeStatus[];
}

/**
 * Brings every node up: builds the images that the cache lacks, makes nodes that are not there, turns on what is off, and
 * waits until each lets its operator in. `wishes`: `null` for the nodes that the lab has, and in a new one the usual.
 * Errors: `lab.vm-programs`, `lab.vm-other-nodes`, `lab.vm-kvm`, `lab.vm-program`, `lab.vm-bake`, `lab.vm-boot`, `lab.vm-image`,
 * `lab.vm-busy`, `lab.vm-folder`.
 */
export async function bringUp(wishes: readonly NodeWish[] | null, given: VmLabOptions): Promise<VmLabStatus> {
  const options = { ...given, folder: await makeFolder(given.folder) };
  const { folder } = options;
  await withLock(folder, async () => {
    const known = await readLab(folder);
    if (known === null) await checkOwn(folder);
    else checkWished(known, wishes, options);
    const wished = wishes ?? usualNodes;
    const recipes = known === null ? wished.map(({ kind }) => kind.recipe) : recipesOf(known);
    const accelerator = known?.accelerator ?? options.accelerator;
    const images = await prepareImages(recipes, { ...options, accelerator });
    if (known === null) options.onStep(images.accelerator.name, images.accelerator.why);
    const lab = known ?? (await makeLab(wished, images, folder));
    await startNodes(lab, lab.nodes, images, options);
  });
  return status(folder);
}

/** Makes nodes anew, as if they had never run, and brings them up. `names`: none for all. Errors: as `bringUp`, `lab.no-node`. */
export async function reset(names: readonly string[], given: VmLabOptions): Promise<VmLabStatus> {
  const options = { ...given, folder: await realFolder(given.folder) };
  const { folder } = options;
  // Before the lock, which would make the folder.
  await labIn(folder);
  await withLock(folder, async () => {
    const lab = await labIn(folder);
    const chosen = names.length === 0 ? lab.nodes : names.map((name) => nodeOf(lab, name));
    const images = await prepareImages(recipesOf(lab), { ...options, accelerator: lab.accelerator });
    for (const node of chosen) await powerCut(nodeFolder(folder, node.name));
    const fresh = await Promise.all(chosen.map((node) => makeNode(node, lab.operatorKey, images, folder)));
    const renewed = { ...lab, nodes: lab.nodes.map((node) => fresh.find(({ name }) => name === node.name) ?? node) };
    await writeLab(folder, renewed);
    await writeAccess(folder, renewed);
    await startNodes(renewed, fresh, images, options);
  });
  return status(folder);
}

/** Turns every node off and removes the lab; the images stay in the cache. Errors: `lab.no-lab`. */
export async function bringDown(given: string): Promise<readonly string[]> {
  const folder = await realFolder(given);
  // Before the lock, which would make the folder.
  await labIn(folder);
  return withLock(folder, async () => {
    const lab = await labIn(folder);
    for (const { name } of lab.nodes) await powerCut(nodeFolder(folder, name));
    // The file that says that all this is a lab's goes last: cut off before, `down` can be run again.
    const files = [...ownFiles(folder), join(folder, 'lab.json')];
    for (const file of files) await rm(file, { recursive: true, force: true });
    return lab.nodes.map(({ name }) => name);
  });
}

/** How the nodes are. Errors: `lab.no-lab`. */
export async function status(given: string): Promise<VmLabStatus> {
  const folder = await realFolder(given);
  const lab = await labIn(folder);
  const nodes = await Promise.all(
    lab.nodes.map(async ({ name, rack, kind, port }): Promise<VmNodeStatus> => {
      const at = nodeFolder(folder, name);
      const process = await processOf(at);
      const state = await stateOf(at);
      return { name, rack, kind, port, state, process, boots: await bootsOf(at), console: join(at, 'console.log') };
    }),
  );
  return { accelerator: lab.accelerator, inventory: inventoryOf(folder), nodes };
}

/** Arguments of ssh(1) for a node. Errors: `lab.no-lab`, `lab.no-node`. */
export async function logIn(folder: string, name: string): Promise<readonly string[]> {
  return sshArguments(folder, nodeOf(await labIn(folder), name).port);
}

async function makeLab(wishes: readonly NodeWish[], images: Images, folder: string): Promise<StoredLab> {
  await claim(folder);
  const operatorKey = (await makeOperatorKey(folder)).publicLine;
  const reserved = await Promise.all(wishes.map(() => reservePort()));
  const make = async ({ kind, ...wish }: NodeWish, port: number) =>
    makeNode({ ...wish, port, kind: kind.name }, operatorKey, images, folder);
  try {
    const nodes = await Promise.all(wishes.map((wish, index) => make(wish, reserved[index]?.port ?? 0)));
    const lab: StoredLab = { version: 1, accelerator: images.accelerator.name, operatorKey, nodes };
    await writeLab(folder, lab);
    await writeAccess(folder, lab);
    await settle(folder);
    return lab;
  } finally {
    // QEMU takes the port itself, and tells when another was quicker.
    for (const { release } of reserved) release();
  }
}

async function labIn(folder: string): Promise<StoredLab> {
  const lab = await readLab(folder);
  if (lab !== null) return lab;
  throw new VfleetError({
    code: 'lab.no-lab',
    thing: folder,
    expected: 'a lab of virtual nodes',
    found: 'none',
    next: 'vfleet lab vm up, or name its --directory',
  });
}

function nodeOf(lab: StoredLab, name: string): StoredNode {
  const found = lab.nodes.find((node) => node.name === name);
  if (found !== undefined) return found;
  const names = lab.nodes.map((node) => node.name);
  throw new VfleetError({
    code: 'lab.no-node',
    thing: `node ${name}`,
    expected: `one of ${names.join(', ')}`,
    found: `no node of that name${didYouMean(name, names)}`,
  });
}

function recipesOf(lab: StoredLab): readonly Recipe[] {
  return lab.nodes.map((node) => kindOf(node).recipe);
}

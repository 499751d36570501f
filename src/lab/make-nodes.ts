import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { VfleetError } from '../errors.ts';
import { type Answer, CannedNode } from './canned.ts';
import type { Strategy } from './cell.ts';
import type { Faults } from './faults.ts';
import type { MachineKind, MachineModel } from './machine.ts';
import { LabNode } from './node.ts';
import { type ReservedPort, reservePort } from './port.ts';
import { randomFrom } from './random.ts';
import { type Recording, replay } from './recording.ts';
import { detectSandbox, type Sandbox } from './sandbox.ts';
import type { Account } from './ssh-server.ts';
import { buildTemplate, type Template } from './template.ts';
import { makeTree, removeTree } from './tree.ts';

/** A node without a machine: it answers by a function, or as recorded. */
export interface CannedKind {
  readonly canned: Answer | Recording;
}

/** A node that a lab shall have. */
export interface NodePlan {
  /** Letters, digits, `_`, `.` and `-`. */
  readonly name: string;
  readonly rack: string;
  readonly kind: MachineKind | CannedKind;
  readonly faults?: Faults;
  /** Variables of the host in the inventory. */
  readonly vars?: Readonly<Record<string, unknown>>;
}

/** Any node of a lab. */
export type AnyNode = LabNode | CannedNode;

/** What all nodes of a lab share. */
export interface Workshop {
  readonly folder: string;
  readonly account: Omit<Account, 'start'>;
  readonly model: MachineModel;
  readonly bootMs: number;
  readonly seed: string;
  readonly strategy: Strategy | undefined;
  readonly onProgress: (up: number, all: number) => void;
}

/** What exists already, complete or not: all of it must be ended. */
export interface Holdings {
  readonly nodes: AnyNode[];
  readonly ports: ReservedPort[];
}

/** Makes the nodes and turns them on. Resolves with them in the order of the plans; each is in `holdings` from its start. */
export async function makeNodes(
  plans: readonly NodePlan[],
  workshop: Workshop,
  holdings: Holdings,
): Promise<readonly AnyNode[]> {
  checkNames(plans);
  const bench = plans.some(({ kind }) => !('canned' in kind)) ? await prepare(workshop) : null;
  const limit = pLimit(4);
  let up = 0;
  let failed = false;
  const make = async (plan: NodePlan): Promise<AnyNode> => {
    if (failed) throw new Error('not started: another node failed');
    try {
      const node = await startNode(plan, workshop, bench, holdings);
      workshop.onProgress(++up, plans.length);
      return node;
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  // All of them end before the first failure is told: what is half made could not be removed.
  const results = await Promise.allSettled(plans.map((plan) => limit(make, plan)));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
}

async function startNode(
  plan: NodePlan,
  workshop: Workshop,
  bench: Bench | null,
  holdings: Holdings,
): Promise<AnyNode> {
  const reserved = await reservePort();
  holdings.ports.push(reserved);
  const common = { ...commonParts(plan, workshop), port: reserved.port };
  const { kind } = plan;
  if (bench !== null && !('canned' in kind)) return makeNode(common, kind, workshop, bench, holdings);
  const node = new CannedNode({ ...common, answer: answerOf(kind) });
  holdings.nodes.push(node);
  await node.powerOn();
  return node;
}

interface Bench {
  readonly template: Template;
  readonly sandbox: Sandbox;
}

async function prepare({ folder, strategy }: Workshop): Promise<Bench> {
  const template = await buildTemplate(path.join(folder, 'template'));
  const probe = path.join(folder, 'probe');
  await makeTree(template, probe);
  const sandbox = await detectSandbox(probe, strategy);
  await removeTree(probe);
  return { template, sandbox };
}

async function makeNode(
  common: ReturnType<typeof commonParts> & { port: number },
  kind: MachineKind,
  { folder: labFolder, model }: Workshop,
  { template, sandbox }: Bench,
  { nodes }: Holdings,
): Promise<LabNode> {
  const folder = path.join(labFolder, 'nodes', common.name);
  const root = path.join(folder, 'root');
  await mkdir(root, { recursive: true });
  await makeTree(template, root);
  await model.furnish(root, kind, common.name);
  const node = new LabNode({ ...common, kind, folder, sandbox, model });
  nodes.push(node);
  await node.powerOn();
  await node.until('up');
  return node;
}

function commonParts({ name, rack, faults = {} }: NodePlan, { account, seed, bootMs }: Workshop) {
  const random = randomFrom(`${seed}/${name}`);
  return { name, rack, faults, account, bootTime: () => bootMs * (0.75 + random() / 2) };
}

function answerOf(kind: MachineKind | CannedKind): Answer {
  if (!('canned' in kind)) throw new Error(`${kind.name} is a machine`);
  return typeof kind.canned === 'function' ? kind.canned : replay(kind.canned);
}

function checkNames(plans: readonly NodePlan[]): void {
  const seen = new Set<string>();
  for (const { name } of plans) {
    const isName = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name);
    if (isName && !seen.has(name)) seen.add(name);
    else {
      throw new VfleetError({
        code: 'lab.node-name',
        thing: `lab node ${JSON.stringify(name)}`,
        expected: isName ? 'a name of its own' : 'letters, digits, _, . and -',
        found: isName ? 'the name twice' : 'another character',
        next: 'give it another name',
      });
    }
  }
}

import path from 'node:path';
import { status, type VmNodeStatus } from '../../src/lab/vm/vm-lab.ts';
import { startNodes } from './nodes.ts';

/** Fresh virtual nodes. */
export interface VmLab {
  readonly folder: string;
  /** The node of a kind. Throws when there is none, or when it is not fresh. */
  node(kind: string): Promise<VmNodeStatus>;
  stop(): Promise<void>;
}

/** The folder of a lab that is up and fresh, where the user names one: `VFLEET_VM_LAB`. */
export const givenLab = process.env['VFLEET_VM_LAB'];

/** The lab that the user gives, or a new one. */
export async function openVmLab(kinds: Readonly<Record<string, string>>): Promise<VmLab> {
  if (givenLab !== undefined) return labIn(path.resolve(givenLab), async () => {});
  const nodes = await startNodes(kinds);
  return labIn(path.dirname(nodes.inventory), () => nodes.stop());
}

function labIn(folder: string, stop: () => Promise<void>): VmLab {
  return {
    folder,
    stop,
    async node(kind) {
      const { nodes } = await status(folder);
      const found = nodes.find((one) => one.kind === kind);
      if (found === undefined) throw new Error(`${folder}: no node of kind ${kind}`);
      if (found.state !== 'up' || found.boots !== 1) {
        throw new Error(`${found.name} is ${found.state}, boots: ${found.boots}; vfleet lab vm reset ${found.name}`);
      }
      return found;
    },
  };
}

/** The kinds of node that the given lab has; those asked for where no lab is given. */
export async function kindsAtHand(kinds: readonly string[]): Promise<ReadonlySet<string>> {
  if (givenLab === undefined) return new Set(kinds);
  return new Set((await status(path.resolve(givenLab))).nodes.map(({ kind }) => kind));
}

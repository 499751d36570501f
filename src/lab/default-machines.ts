import { VfleetError } from '../errors.ts';
import { builtinMachineKinds } from './machine-kind.ts';
import type { NodePlan } from './make-nodes.ts';

/** Racks as one meets them: mostly alike, some mixed, and one machine whose IOMMU is off in the firmware. */
const racks: Readonly<Record<string, readonly string[]>> = {
  r1: repeat('debian-12-intel', 6),
  r2: [...repeat('ubuntu-22.04-intel', 3), ...repeat('debian-13-amd', 3)],
  r3: [...repeat('openeuler-22.03-amd', 5), 'debian-12-vtd-off'],
  r4: [...repeat('centos-7-intel', 4), ...repeat('debian-13-amd', 2)],
};

/** The machines of a lab for which nothing else is said: 4 racks of 6, one with VT-d off. */
export async function defaultMachines(): Promise<readonly NodePlan[]> {
  const kinds = new Map((await builtinMachineKinds()).map((kind) => [kind.name, kind]));
  return Object.entries(racks).flatMap(([rack, names]) =>
    names.map((name, index): NodePlan => {
      const kind = kinds.get(name);
      if (kind === undefined)
        throw new VfleetError({ code: 'lab.kind', thing: name, expected: 'a built-in machine kind' });
      return { name: `${rack}-n${String(index + 1).padStart(2, '0')}`, rack, kind };
    }),
  );
}

function repeat(kind: string, count: number): readonly string[] {
  return Array.from({ length: count }, () => kind);
}

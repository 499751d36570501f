import { VfleetError } from '../../errors.ts';
import type { WishedAccelerator } from './accelerator.ts';
import type { StoredLab, StoredNode } from './lab-file.ts';
import type { NodeWish } from './nodes-file.ts';

/** Whether the lab that is there is the one that is wished for. Errors: `lab.vm-other-nodes`, `lab.vm-kvm`. */
export function checkWished(
  lab: StoredLab,
  wishes: readonly NodeWish[] | null,
  { accelerator, folder }: { readonly accelerator: WishedAccelerator; readonly folder: string },
): void {
  if (wishes !== null) checkSame(lab, wishes, folder);
  if (accelerator === 'auto' || accelerator === lab.accelerator) return;
  throw new VfleetError({
    code: 'lab.vm-kvm',
    thing: folder,
    expected: `nodes that run by ${accelerator}`,
    found: `a lab that was made with ${lab.accelerator}`,
    next: 'vfleet lab vm down, and then up; or leave --accelerator out',
  });
}

/** Errors: `lab.vm-other-nodes`. */
function checkSame(lab: StoredLab, wishes: readonly NodeWish[], folder: string): void {
  const text = (nodes: readonly Omit<StoredNode, 'port' | 'hostKey'>[]) => nodes.map(nodeText).sort().join(', ');
  const wished = text(wishes.map((wish) => ({ ...wish, kind: wish.kind.name })));
  if (wished === text(lab.nodes)) return;
  throw new VfleetError({
    code: 'lab.vm-other-nodes',
    thing: folder,
    expected: wished,
    found: `a lab with ${text(lab.nodes)}`,
    next: 'vfleet lab vm down, or name another --directory',
  });
}

function nodeText({ name, kind, rack, memory, vars }: Omit<StoredNode, 'port' | 'hostKey'>): string {
  const more = Object.keys(vars).length === 0 ? '' : `, ${JSON.stringify(vars)}`;
  return `${name} (${kind}, rack ${rack}, ${memory} MiB${more})`;
}

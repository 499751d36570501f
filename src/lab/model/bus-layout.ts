import { type Layout, merge } from './layout.ts';
import { memoryCounts } from './proc.ts';
import type { Running } from './running.ts';
import { iommuLayout } from './sys-iommu.ts';
import { pciLayout } from './sys-pci.ts';
import { memoryLayout } from './sys-platform.ts';
import { vfioLayout } from './sys-vfio.ts';
import { usbNodes } from './usb-nodes.ts';

/** All that changes in the tree when a device comes, goes, or has another driver. */
export function busLayout(running: Running): Layout {
  const pci = pciLayout(running);
  return merge([
    pci,
    usbNodes(pci),
    iommuLayout(running),
    vfioLayout(running),
    memoryLayout(running),
    memoryCounts(running),
  ]);
}

/** What must be laid, and what must go, for a tree that has one layout to have the other. */
export function difference(before: Layout, after: Layout): { readonly laid: Layout; readonly gone: readonly string[] } {
  const gone = [...before.keys()].filter((path) => !after.has(path));
  const laid = [...after].filter(([path, entry]) => {
    const was = before.get(path);
    return was === undefined || JSON.stringify(was) !== JSON.stringify(entry);
  });
  return { laid: new Map(laid), gone };
}

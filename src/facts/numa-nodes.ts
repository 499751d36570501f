import { sh } from '../shell/script.ts';
import type { NumaNode } from './hardware.ts';
import { fileLinesOf, integer, type Sections } from './sections.ts';

export const numaProbe = sh`
section hardware-numa
grep -aHsE 'Mem(Total|Free):' /sys/devices/system/node/node*/meminfo
`;

/** Nodes that have memory; a node of processors or devices alone has none. */
export function parseNumaNodes(sections: Sections): readonly NumaNode[] {
  const nodes = new Map<number, NumaNode>();
  for (const { path, text } of fileLinesOf(sections, 'hardware-numa')) {
    const node = integer(/\/node(\d{1,6})\/meminfo$/.exec(path)?.[1]);
    const [, which, digits] = /(MemTotal|MemFree):\s+(\d+) kB/.exec(text) ?? [];
    const size = integer(digits);
    if (node === null || which === undefined || size === null) continue;
    const known = nodes.get(node) ?? { node, totalKiB: null, freeKiB: null };
    nodes.set(node, which === 'MemTotal' ? { ...known, totalKiB: size } : { ...known, freeKiB: size });
  }
  return [...nodes.values()].filter(({ totalKiB }) => totalKiB !== 0).sort((a, b) => a.node - b.node);
}

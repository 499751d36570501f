import type { MachineSettings } from '../machine.ts';
import type { CommandLine } from './command-line.ts';

/** The hugepage pools of a boot. */
export interface Hugepages {
  readonly defaultKiB: number;
  /** Pages of each size, spread over the NUMA nodes. */
  readonly pools: readonly { readonly sizeKiB: number; readonly perNode: readonly number[] }[];
  /** What the kernel says about sizes that the processor lacks. */
  readonly log: readonly string[];
}

const mib2 = 2048;
const gib1 = 1024 * 1024;

/**
 * Pools from the arguments in their order: a count belongs to the size before it (`hugepages_setup()`,
 * `hugepagesz_setup()`, `default_hugepagesz_setup()` of mm/hugetlb.c; Documentation/admin-guide/mm/hugetlbpage.rst).
 * 1 GiB pages need the flag `pdpe1gb`. What does not fit into memory is not there.
 */
export function reserveHugepages(settings: MachineSettings, line: CommandLine): Hugepages {
  const large = settings.cpu.flags.includes('pdpe1gb');
  const sizes = large ? [mib2, gib1] : [mib2];
  const counts = new Map(sizes.map((size) => [size, new Array<number>(settings.numaNodes).fill(0)]));
  const log: string[] = [];
  let defaultKiB = mib2;
  let current: number | null = mib2;
  for (const [name, value] of line.arguments) {
    if (name === 'hugepagesz' || name === 'default_hugepagesz') {
      const size = readSize(value ?? '');
      current = sizes.includes(size) ? size : null;
      if (current === null) log.push(`HugeTLB: unsupported ${name}=${value ?? ''}`);
      else if (name === 'default_hugepagesz') defaultKiB = current;
    } else if (name === 'hugepages' && current !== null)
      counts.set(current, readCounts(value ?? '', settings.numaNodes));
  }
  return { defaultKiB, pools: limit(counts, settings), log };
}

/**
 * Writes of `nr_hugepages`: of a node, or of all (`null`), over which pages are spread. What does not fit is not reserved, and
 * nobody is told (`nr_hugepages_store_common()` of mm/hugetlb.c).
 */
export function writeHugepages(
  hugepages: Hugepages,
  { sizeKiB, node, pages }: { readonly sizeKiB: number; readonly node: number | null; readonly pages: number },
  settings: MachineSettings,
): Hugepages {
  const counts = new Map(hugepages.pools.map((pool) => [pool.sizeKiB, pool.perNode]));
  const before = counts.get(sizeKiB);
  if (before === undefined) return hugepages;
  const spread = node === null ? readCounts(String(pages), settings.numaNodes) : before.with(node, pages);
  // What is reserved already is not taken away by those who come later.
  const others = new Map([...counts].filter(([size]) => size !== sizeKiB));
  return { ...hugepages, pools: sortPools(limit(new Map([...others, [sizeKiB, spread]]), settings)) };
}

function sortPools(pools: Hugepages['pools']): Hugepages['pools'] {
  return pools.toSorted((a, b) => a.sizeKiB - b.sizeKiB);
}

function readSize(text: string): number {
  const match = /^(\d+)([KMG]?)$/i.exec(text);
  const unit = { '': 1 / 1024, K: 1, M: 1024, G: gib1 }[match?.[2]?.toUpperCase() ?? ''] ?? 0;
  return match === null ? 0 : Number(match[1]) * unit;
}

/** `16`, or by node since 5.16: `0:8,1:8`. */
function readCounts(text: string, nodes: number): number[] {
  if (!text.includes(':')) {
    const total = Number.parseInt(text, 10) || 0;
    return Array.from({ length: nodes }, (_, node) => Math.floor(total / nodes) + (node < total % nodes ? 1 : 0));
  }
  const counts = new Array<number>(nodes).fill(0);
  for (const item of text.split(',')) {
    const [node = -1, count = 0] = item.split(':').map((part) => Number.parseInt(part, 10) || 0);
    if (node >= 0 && node < nodes) counts[node] = count;
  }
  return counts;
}

/** A node keeps a sixteenth of its memory, at least, for everything else. */
function limit(counts: ReadonlyMap<number, readonly number[]>, settings: MachineSettings): Hugepages['pools'] {
  const even = settings.memoryKiB / settings.numaNodes;
  const left = Array.from({ length: settings.numaNodes }, (_, node) =>
    Math.floor((settings.numaMemoryKiB?.[node] ?? even) * (15 / 16)),
  );
  return [...counts].map(([sizeKiB, perNode]) => ({
    sizeKiB,
    perNode: perNode.map((count, node) => {
      const fits = Math.min(count, Math.floor((left[node] ?? 0) / sizeKiB));
      left[node] = (left[node] ?? 0) - fits * sizeKiB;
      return fits;
    }),
  }));
}

import { sh } from '../shell/script.ts';
import type { Facts, HugepagePool } from './facts.ts';
import { fileLinesOf, integer, type Sections } from './sections.ts';

/** One grep over all pools: of a machine with many nodes there are dozens. */
export const memoryProbe = sh`
section memory
grep -aHsE '^(MemTotal:|MemAvailable:|[0-9])' /proc/meminfo \\
  /sys/kernel/mm/hugepages/hugepages-*/nr_hugepages /sys/kernel/mm/hugepages/hugepages-*/free_hugepages \\
  /sys/devices/system/node/node*/hugepages/hugepages-*/nr_hugepages \\
  /sys/devices/system/node/node*/hugepages/hugepages-*/free_hugepages
`;

/** `/proc/meminfo` counts in KiB (proc(5)); pools are as in Documentation/admin-guide/mm/hugetlbpage.rst. */
export function parseMemory(sections: Sections): Facts['memory'] {
  const lines = fileLinesOf(sections, 'memory');
  const meminfo = (name: string) => {
    const line = lines.find(({ path, text }) => path === '/proc/meminfo' && text.startsWith(`${name}:`));
    return integer(/^\S+\s+(\d+) kB/.exec(line?.text ?? '')?.[1]);
  };
  const pools = new Map<string, HugepagePool>();
  for (const { path, text } of lines) {
    const found = /(?:\/node(\d{1,6})\/hugepages)?\/hugepages-(\d{1,12})kB\/(nr|free)_hugepages$/.exec(path);
    const pages = integer(text);
    if (found === null || pages === null) continue;
    const [, node, size, which] = found;
    const key = `${node ?? ''}/${size}`;
    const empty: HugepagePool = { sizeKiB: Number(size), node: integer(node), total: 0, free: 0 };
    const pool = pools.get(key) ?? empty;
    pools.set(key, which === 'nr' ? { ...pool, total: pages } : { ...pool, free: pages });
  }
  return {
    totalKiB: meminfo('MemTotal'),
    availableKiB: meminfo('MemAvailable'),
    hugepages: [...pools.values()].sort((a, b) => (a.node ?? -1) - (b.node ?? -1) || a.sizeKiB - b.sizeKiB),
  };
}

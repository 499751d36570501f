import { type HugepagePlan, type HugepageWish, nameOf, planHugepages } from '../boot/hugepages.ts';
import type { Facts, HugepagePool } from '../facts/facts.ts';
import { sh } from '../shell/script.ts';
import type { Check } from './check.ts';
import { refused } from './refused.ts';
import { check, type Judgement } from './verdict.ts';

/**
 * Whether the pool of huge pages is there, in all and on each NUMA node, as the kernel tells it: it reserves what it finds, and
 * complains of nothing. Without a wish: whether any pool was reserved.
 */
export function hugepagesReserved(wish: HugepageWish = {}): Check {
  return check(
    {
      id: 'hugepages-reserved',
      title: 'Are the huge pages reserved?',
      evidence: () => sh`
echo '$ grep -i huge /proc/meminfo'
grep -i huge /proc/meminfo
journalctl -k -b 0 -q --no-pager -o cat 2>/dev/null | grep -i hugetlb | head -n 6`,
    },
    ({ facts, host }) => refused(() => judge(facts, wish, planHugepages(facts, wish, host))),
  );
}

function judge(facts: Facts, { owner }: HugepageWish, plan: HugepagePlan): Judgement {
  const pools = facts.memory.hugepages.filter((pool) => pool.sizeKiB === plan.sizeKiB);
  const total = pools.find(({ node }) => node === null)?.total ?? 0;
  const size = nameOf(plan.sizeKiB);
  const evidence = pools.map(lineOf);
  // How many Cloudpods' unit takes is its own affair; its agent ends where there is none.
  const wanted = owner === 'cloudpods' ? 1 : plan.count;
  const few = total < wanted ? [`${total} of ${wanted} pages of ${size}`] : [];
  const nodes = Object.entries(plan.nodes ?? {}).flatMap(([node, count]) => {
    const there = pools.find((pool) => String(pool.node) === node)?.total ?? 0;
    return there < count ? [`node ${node}: ${there} of ${count}`] : [];
  });
  const short = [...few, ...nodes];
  if (short.length > 0)
    return { outcome: 'fail', found: `Reserved: ${short.join(', ')}.`, evidence, remedy: why(facts, size) };
  const spread = pools.filter(({ node }) => node !== null).map(({ node, total: pages }) => `${pages} on node ${node}`);
  const found = `${total} pages of ${size}${spread.length === 0 ? '' : ` (${spread.join(', ')})`}.`;
  return { outcome: 'pass', found: `Reserved: ${found}`, evidence };
}

function why({ boot }: Facts, size: string): string {
  return boot.running.split(/\s+/).includes(`hugepagesz=${size}`)
    ? 'the kernel found no more memory in one piece: ask for fewer, or spread them over the nodes by their memory'
    : 'apply the playbook, and reboot: they are reserved at boot';
}

function lineOf({ node, sizeKiB, total, free }: HugepagePool): string {
  return `${node === null ? 'all nodes' : `node ${node}`}: ${total} of ${sizeKiB} KiB, ${free} free`;
}

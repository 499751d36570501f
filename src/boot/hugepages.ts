import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { isKernelAtLeast } from './release.ts';

/** A pool of huge pages that is reserved for guests. */
export interface HugepageWish {
  /** `auto`: 1 GiB where processor and kernel have such pages, else the next smaller size. Default: `auto`. */
  readonly size?: '1G' | '2M' | '512M' | 'auto' | undefined;
  /** How many pages. Default: all memory but what the host keeps. */
  readonly count?: number | undefined;
  /** How many pages on each NUMA node: `{ 0: 8, 1: 8 }`; in place of `count`. */
  readonly nodes?: Readonly<Record<string, number>> | undefined;
  /** `cloudpods`: its own unit reserves the pages, and only their size is asked of the kernel. Default: nobody else does. */
  readonly owner?: 'cloudpods';
  /** GiB that the host keeps. Default: as Cloudpods has it, a fifth but 32 GiB at most; 1 GiB of less than 10. */
  readonly keepGiB?: number | undefined;
}

/** What a wish comes to on a host. */
export interface HugepagePlan {
  readonly sizeKiB: number;
  readonly count: number;
  /** Memory that the host keeps. */
  readonly keptKiB: number;
  /** By NUMA node; `null`: spread evenly by the kernel. */
  readonly nodes: Readonly<Record<string, number>> | null;
  /** The kernel that will boot takes no counts by node, so that a unit writes them early. */
  readonly byUnit: boolean;
}

/** What Cloudpods' installer has started at boot to reserve pages (ocboot, roles/utils/kernel-check). */
const cloudpodsUnit = '/etc/systemd/system/sysinit.target.wants/oc-hugetlb-gigantic-pages.service';

/** As operators say it, and as playbooks do. */
const withoutOwner = 'say consumer: plain (no owner), so that the pages are reserved here';

const gib = 1024 * 1024;
const sizes = { '1G': gib, '512M': 512 * 1024, '2M': 2048 } as const;

/**
 * Works out pages from facts. Pure. Errors (`VfleetError`): `hugepages.size`, `hugepages.starve`, `hugepages.node`,
 * `hugepages.unknown`.
 */
export function planHugepages(facts: Facts, wish: HugepageWish, host = facts.identity.hostname): HugepagePlan {
  refuseWish(wish, host);
  refuseOwners(facts, wish, host);
  const sizeKiB = sizeOf(facts, wish, host);
  const { totalKiB } = facts.memory;
  if (totalKiB === null) throw refusal('unknown', host, 'its memory', 'nothing could be read', 'look at /proc/meminfo');
  const keptKiB = (wish.keepGiB ?? reservedGiB(totalKiB)) * gib;
  const room = Math.max(0, Math.floor((totalKiB - keptKiB) / sizeKiB));
  const nodes = wish.nodes ?? null;
  const count = nodes === null ? (wish.count ?? room) : Object.values(nodes).reduce((sum, one) => sum + one, 0);
  if (count > room || (wish.count === undefined && nodes === null && room === 0)) {
    const kept = `${Math.round(keptKiB / gib)} GiB for the host`;
    const found = `${count} of ${nameOf(sizeKiB)}, of ${(totalKiB / gib).toFixed(1)} GiB in all`;
    const next = `ask for ${room} at most, or say with keepGiB that the host needs less`;
    throw refusal('starve', host, `pages that leave ${kept}`, found, next);
  }
  if (nodes !== null) refuseNodes(facts, nodes, sizeKiB, host);
  else if (wish.owner === undefined) refuseSpread(facts, { count, sizeKiB, keptKiB }, host);
  const release = facts.kernel.next ?? facts.kernel.running;
  // `hugepages=<node>:<count>` is of 5.16 (mm/hugetlb.c, hugepages_setup); an older kernel reads its first number alone.
  const byUnit = nodes !== null && isKernelAtLeast(release, 5, 16) !== true;
  return { sizeKiB, count, keptKiB, nodes, byUnit };
}

/**
 * Kernel arguments for a pool of huge pages, in the order that the kernel needs: a count belongs to the size before it
 * (Documentation/admin-guide/kernel-parameters.txt). Where they are given to nodes by a unit, the size alone. Errors: those of
 * `planHugepages`.
 *
 * @example
 * kernelArguments({ iommu: 'pt', ...hugepageArguments(host.facts, { keepGiB: 16 }) })
 */
export function hugepageArguments(facts: Facts, wish: HugepageWish): Readonly<Record<string, string>> {
  const { sizeKiB, count, nodes, byUnit } = planHugepages(facts, wish);
  const size = nameOf(sizeKiB);
  const perNode = Object.entries(nodes ?? {}).map(([node, pages]) => `${node}:${pages}`);
  const hugepages = nodes === null ? String(count) : perNode.join(',');
  const isOurs = !byUnit && wish.owner === undefined;
  return { default_hugepagesz: size, hugepagesz: size, ...(isOurs && { hugepages }) };
}

/** GiB that Cloudpods leaves to the host (ocboot, oc-hugetlb-reserve-pages.sh): whole GiB count, as `free -g` has them. */
function reservedGiB(totalKiB: number): number {
  const total = Math.floor(totalKiB / gib);
  return total < 10 ? 1 : Math.min(Math.floor(total / 5), 32);
}

/** `1G`, as the kernel's arguments have it. */
export function nameOf(sizeKiB: number): string {
  return sizeKiB >= gib ? `${sizeKiB / gib}G` : `${sizeKiB / 1024}M`;
}

/** Of x86 the flag `pdpe1gb` tells, as older kernels list only pools that were asked for; elsewhere the pools that there are. */
function sizeOf(facts: Facts, { owner, size = 'auto' }: HugepageWish, host: string): number {
  const wished = owner === 'cloudpods' ? '1G' : size;
  const listed = facts.memory.hugepages.map(({ sizeKiB }) => sizeKiB);
  const isX86 = /^(?:x86_64|i[3-6]86)$/.test(facts.architecture);
  const has = isX86 ? [...(facts.cpu.flags.includes('pdpe1gb') ? [gib] : []), sizes['2M']] : listed;
  const order = [gib, sizes['512M'], sizes['2M']];
  const found = wished === 'auto' ? order.find((size) => has.includes(size)) : sizes[wished];
  if (found !== undefined && has.includes(found)) return found;
  const names = [...new Set(has)].map(nameOf).join(', ') || 'none';
  const expected = `pages of ${wished === 'auto' ? '1G, 512M or 2M' : wished}`;
  const next = owner === 'cloudpods' ? `Cloudpods' unit reserves no others: ${withoutOwner}` : 'say size: auto';
  throw refusal('size', host, expected, `${names} (${whyNot(isX86, wished)})`, next);
}

function whyNot(isX86: boolean, wished: string): string {
  if (!isX86) return 'other sizes go with other page sizes of the kernel';
  return wished === '1G' ? 'the processor lacks the flag pdpe1gb' : `x86 has no pages of ${wished}`;
}

function refuseWish({ count, nodes, keepGiB }: HugepageWish, host: string): void {
  const whole = [count, keepGiB, ...Object.values(nodes ?? {})].filter((one) => one !== undefined);
  const wrong = whole.find((one) => !Number.isInteger(one) || one < 0);
  if (wrong !== undefined) throw refusal('wish', host, 'whole numbers from 0', String(wrong), 'correct the playbook');
  // Such a host has no memory left to boot with, let alone to log in.
  if (keepGiB === 0) throw refusal('starve', host, 'at least 1 GiB for the host (keepGiB)', '0', 'leave it more');
  if (count !== undefined && nodes !== undefined) {
    throw refusal('wish', host, 'count or nodes', 'both', 'leave one of them out in the inventory');
  }
}

/** One owner of the pool: two would undo each other's. */
function refuseOwners({ setup, boot }: Facts, { owner, count }: HugepageWish, host: string): void {
  const theirs = setup?.files.some(({ path }) => path === cloudpodsUnit) === true;
  if (owner === 'cloudpods') {
    if (theirs || setup === null) return;
    const next = `${withoutOwner}, or let its installer set it up`;
    throw refusal('owner', host, "Cloudpods' oc-hugetlb-gigantic-pages.service, started at boot", 'no such unit', next);
  }
  if (theirs) {
    const next = "systemctl disable oc-hugetlb-gigantic-pages.service, or say consumer: cloudpods (owner: 'cloudpods')";
    throw refusal('owner', host, 'nobody else who reserves pages', cloudpodsUnit, next);
  }
  // Before any size it counts pages of the default one, and the kernel passes over the count that comes later.
  const [first] = boot.running.split(/\s+/).filter((token) => /^hugepagesz?=/.test(token));
  if (first === undefined || !first.startsWith('hugepages=') || first === `hugepages=${count ?? ''}`) return;
  const next = 'take it out of the kernel arguments: kernelArguments({ hugepages: absent() }), then apply this again';
  throw refusal('owner', host, 'a count of pages after their size', `${first}, before any hugepagesz=`, next);
}

/** A node needs memory of its own, for the kernel and for whatever runs there. */
const nodeKeepsKiB = gib;

function refuseNodes(facts: Facts, nodes: Readonly<Record<string, number>>, sizeKiB: number, host: string): void {
  for (const [node, pages] of Object.entries(nodes)) {
    const known = facts.hardware?.nodes.find((one) => String(one.node) === node);
    if (facts.hardware !== null && known === undefined) {
      const there = facts.hardware.nodes.map((one) => one.node).join(', ') || 'none';
      throw refusal('node', host, `NUMA node ${node}`, `nodes ${there}`, 'name nodes that have memory');
    }
    const total = known?.totalKiB ?? null;
    if (total === null || pages * sizeKiB <= total - nodeKeepsKiB) continue;
    const found = `${pages} of ${nameOf(sizeKiB)}, of ${(total / gib).toFixed(1)} GiB there`;
    throw refusal('starve', host, `pages that leave NUMA node ${node} 1 GiB`, found, 'ask for fewer there');
  }
}

/**
 * A count for all is spread evenly, and what does not fit into one node goes to the others (mm/hugetlb.c), so that nothing is left
 * of a small one. What a node has to keep: half of its share of what the host keeps, and no more than 1 GiB.
 */
function refuseSpread(
  { hardware }: Facts,
  { count, sizeKiB, keptKiB }: Pick<HugepagePlan, 'count' | 'sizeKiB' | 'keptKiB'>,
  host: string,
): void {
  const nodes = (hardware?.nodes ?? []).filter(({ totalKiB }) => totalKiB !== null && totalKiB > 0);
  if (nodes.length < 2) return;
  const keepsKiB = Math.min(nodeKeepsKiB, keptKiB / nodes.length / 2);
  const share = Math.ceil(count / nodes.length);
  const small = nodes.find(({ totalKiB }) => share * sizeKiB > (totalKiB ?? 0) - keepsKiB);
  if (small === undefined) return;
  const found = `${share} of ${nameOf(sizeKiB)} on each of ${nodes.length} nodes, of ${((small.totalKiB ?? 0) / gib).toFixed(1)} GiB on node ${small.node}`;
  const sum = nodes.reduce((all, { totalKiB }) => all + (totalKiB ?? 0), 0);
  const fair = nodes.map(({ node, totalKiB }) => `${node}: ${Math.floor((count * (totalKiB ?? 0)) / sum)}`);
  const next = `say how many on each node, as nodes: { ${fair.join(', ')} }`;
  throw refusal('starve', host, `pages that leave NUMA node ${small.node} memory of its own`, found, next);
}

/**
 * Pools of other sizes that somebody else has reserved take from the same memory. `isOurs`: whether a token of the kernel's
 * arguments is replaced by this wish. Errors: `hugepages.starve`.
 */
export function refuseWithOtherPools(
  { memory }: Facts,
  { sizeKiB, count, keptKiB }: HugepagePlan,
  isOurs: (token: string) => boolean,
  host: string,
): void {
  const others = memory.hugepages.filter(
    (pool) =>
      pool.node === null && pool.total > 0 && pool.sizeKiB !== sizeKiB && !isOurs(`hugepagesz=${nameOf(pool.sizeKiB)}`),
  );
  const takenKiB = others.reduce((sum, pool) => sum + pool.total * pool.sizeKiB, 0);
  const room = Math.max(0, Math.floor(((memory.totalKiB ?? 0) - keptKiB - takenKiB) / sizeKiB));
  if (takenKiB === 0 || count <= room) return;
  const pools = others.map((pool) => `${pool.total} of ${nameOf(pool.sizeKiB)}`).join(', ');
  const found = `${count} of ${nameOf(sizeKiB)} beside ${pools} that somebody else has reserved`;
  const next = `ask for ${room} at most (count), or take the other pool away first`;
  throw refusal('starve', host, `pages that leave ${Math.round(keptKiB / gib)} GiB for the host`, found, next);
}

function refusal(code: string, host: string, expected: string, found: string, next: string): VfleetError {
  return new VfleetError({
    code: `hugepages.${code}`,
    host,
    thing: 'huge pages',
    expected,
    found,
    next: `${next}; nothing was changed`,
  });
}

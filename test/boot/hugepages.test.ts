import { describe, expect, it } from 'vitest';
import { type HugepageWish, hugepageArguments, planHugepages } from '../../src/boot/hugepages.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { factsOf } from './facts.ts';

const gib = 1024 * 1024;

interface Host {
  readonly gib?: number;
  readonly flags?: readonly string[];
  readonly architecture?: string;
  /** Sizes of the pools that there are, in KiB. */
  readonly pools?: readonly number[];
  readonly kernel?: string;
  readonly nodes?: readonly number[];
  readonly running?: string;
  readonly cloudpods?: boolean;
}

function host({
  gib: total = 64,
  flags = ['pdpe1gb'],
  pools = [],
  kernel = '6.1.0-18-amd64',
  ...given
}: Host = {}): Facts {
  const nodes = (given.nodes ?? [total]).map((one, node) => ({ node, totalKiB: one * gib, freeKiB: null }));
  const link = '/etc/systemd/system/sysinit.target.wants/oc-hugetlb-gigantic-pages.service';
  const facts = factsOf({
    kernel: { next: kernel },
    boot: { running: given.running ?? 'ro quiet' },
    setup: { files: given.cloudpods ? [{ path: link, lines: ['[Unit]'] }] : [], doubleEquals: true },
    hardware: { pci: {}, nodes, net: [], block: [], nvme: [], usb: [], serial: [], driverctl: false },
  });
  const hugepages = pools.map((sizeKiB) => ({ sizeKiB, node: null, total: 0, free: 0 }));
  return {
    ...facts,
    architecture: given.architecture ?? 'x86_64',
    cpu: { ...facts.cpu, flags },
    memory: { totalKiB: total * gib, availableKiB: null, hugepages },
  };
}

describe('the size of pages', () => {
  it.each([
    ['1 GiB by the flag of the processor', {}, {}, '1G'],
    ['2 MiB without it, though the kernel lists the other', { flags: [], pools: [2048, gib] }, {}, '2M'],
    ['what was asked for', {}, { size: '2M', count: 100 }, '2M'],
    [
      '512 MiB on arm64 with pages of 64 KiB',
      { architecture: 'aarch64', flags: [], pools: [2048, 512 * 1024] },
      {},
      '512M',
    ],
    [
      '1 GiB on arm64 with pages of 4 KiB',
      { architecture: 'aarch64', flags: [], pools: [64, 2048, 32768, gib] },
      {},
      '1G',
    ],
  ] as const)('is %s', (_why, given: Host, wish: HugepageWish, size) => {
    expect(hugepageArguments(host(given), wish)).toMatchObject({ default_hugepagesz: size, hugepagesz: size });
  });

  it.each([
    [{ flags: [] }, { size: '1G' }, /found 2M \(the processor lacks the flag pdpe1gb\)/],
    [{}, { size: '512M' }, /expected pages of 512M, found 1G, 2M \(x86 has no pages of 512M\)/],
    [{ flags: [], cloudpods: true }, { owner: 'cloudpods' }, /lacks the flag pdpe1gb\).*consumer: plain/],
    [{ architecture: 'aarch64', flags: [], pools: [2048, 512 * 1024] }, { size: '1G' }, /found 2M, 512M/],
  ] as const)('that there is not is refused', (given: Host, wish: HugepageWish, message) => {
    expect(() => hugepageArguments(host(given), wish)).toThrow(message);
  });
});

describe('the count of pages', () => {
  it.each([
    ['a fifth for the host', 64, {}, '52'],
    ['32 GiB at most', 512, {}, '480'],
    ['1 GiB of a small one', 8, {}, '7'],
    ['whole GiB, as free -g has them', 62.8, {}, '50'],
    ['what is said', 64, { keepGiB: 4 }, '60'],
  ] as const)('leaves %s', (_why, total, wish, count) => {
    expect(hugepageArguments(host({ gib: total }), wish)).toEqual({
      default_hugepagesz: '1G',
      hugepagesz: '1G',
      hugepages: count,
    });
  });

  it('stands last, as the kernel counts pages of the size before it', () => {
    expect(Object.keys(hugepageArguments(host(), {}))).toEqual(['default_hugepagesz', 'hugepagesz', 'hugepages']);
  });

  it.each([
    ['more than leaves the host its part', {}, { count: 53 }, /leave 12 GiB for the host, found 53 of 1G.*52 at most/],
    ['all of it', {}, { keepGiB: 64 }, /found 0 of 1G/],
    ['everything, so that the host cannot boot', {}, { keepGiB: 0 }, /at least 1 GiB for the host/],
    [
      'more than a node has',
      { nodes: [16, 48] },
      { nodes: { 0: 16, 1: 16 } },
      /leave NUMA node 0 1 GiB, found 16 of 1G/,
    ],
    ['a node that is not there', { nodes: [64] }, { nodes: { 1: 8 } }, /expected NUMA node 1, found nodes 0/],
    ['both ways at once', {}, { count: 8, nodes: { 0: 8 } }, /count or nodes.*in the inventory/],
    ['half a page', {}, { count: 1.5 }, /whole numbers/],
  ] as const)('of %s is refused', (_why, given: Host, wish: HugepageWish, message) => {
    expect(() => hugepageArguments(host(given), wish)).toThrow(message);
  });

  it('may be up to what the host can spare', () => {
    expect(hugepageArguments(host(), { count: 52 })['hugepages']).toBe('52');
    expect(hugepageArguments(host(), { count: 60, keepGiB: 4 })['hugepages']).toBe('60');
    expect(hugepageArguments(host(), { keepGiB: 1 })['hugepages']).toBe('63');
  });
});

describe('a count for all nodes, which the kernel spreads evenly,', () => {
  it.each([
    [
      'the default',
      {},
      /node 0 memory of its own, found 26 of 1G on each of 2 nodes, of 16\.0 GiB .*\{ 0: 13, 1: 39 \}/,
    ],
    ['a count', { count: 40 }, /found 20 of 1G on each.*nodes: \{ 0: 10, 1: 30 \}/],
  ] as const)('is refused where it would leave nothing of a small one: %s', (_why, wish, message) => {
    expect(() => hugepageArguments(host({ nodes: [16, 48] }), wish)).toThrow(message);
  });

  it.each([
    ['nodes of one size', { nodes: [32, 32] }, {}, '52'],
    ['what the small one has', { nodes: [16, 48] }, { count: 30 }, '30'],
    ['a small host', { gib: 9, nodes: [4.5, 4.5] }, {}, '8'],
    ['nodes with no memory', { nodes: [64, 0] }, {}, '52'],
  ] as const)('may be asked for with %s', (_why, given: Host, wish, count) => {
    expect(hugepageArguments(host(given), wish)['hugepages']).toBe(count);
  });

  it('is had by what is proposed instead', () => {
    expect(hugepageArguments(host({ nodes: [16, 48] }), { nodes: { 0: 13, 1: 39 } })['hugepages']).toBe('0:13,1:39');
  });
});

describe('counts by NUMA node', () => {
  const wish = { nodes: { 0: 8, 1: 24 } };
  const nodes = [16, 48];
  it('are an argument from 5.16, by the kernel that will boot', () => {
    expect(hugepageArguments(host({ nodes, kernel: '5.16.0-1' }), wish)['hugepages']).toBe('0:8,1:24');
  });

  it.each(['5.14.0-503.el9.x86_64', '4.18.0-553.el8_10.x86_64'])('are left to a unit by %s', (kernel) => {
    const facts = host({ nodes, kernel });
    expect(hugepageArguments(facts, wish)).toEqual({ default_hugepagesz: '1G', hugepagesz: '1G' });
    expect(planHugepages(facts, wish)).toMatchObject({ byUnit: true, count: 32 });
  });
});

describe('another owner of the pool', () => {
  it("is Cloudpods' unit: refused, unless it is said to be the owner", () => {
    expect(() => hugepageArguments(host({ cloudpods: true }), {})).toThrow(
      /oc-hugetlb-gigantic-pages.*owner: 'cloudpods'/,
    );
    expect(hugepageArguments(host({ cloudpods: true }), { owner: 'cloudpods' })).toEqual({
      default_hugepagesz: '1G',
      hugepagesz: '1G',
    });
    expect(() => hugepageArguments(host(), { owner: 'cloudpods' })).toThrow(
      /found no such unit; .*say consumer: plain/,
    );
  });

  it('is a count before any size, which the kernel takes for the default size', () => {
    expect(() => hugepageArguments(host({ running: 'hugepages=4 ro' }), {})).toThrow(/found hugepages=4, before any/);
    const running = 'hugepagesz=1G hugepages=4';
    expect(hugepageArguments(host({ running }), {})['hugepages']).toBe('52');
  });
});

it('memory that is not known is not guessed', () => {
  const facts = host();
  expect(() => hugepageArguments({ ...facts, memory: { ...facts.memory, totalKiB: null } }, {})).toThrow(
    expect.objectContaining({ code: 'hugepages.unknown' }),
  );
});

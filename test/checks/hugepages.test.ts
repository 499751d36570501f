import { expect, it } from 'vitest';
import type { HugepageWish } from '../../src/boot/hugepages.ts';
import type { Verdict } from '../../src/checks/check.ts';
import { hugepagesReserved } from '../../src/checks/hugepages.ts';
import { factsOf } from '../boot/facts.ts';

/** Pages of 2 MiB in all, and by node. */
function judge(wish: HugepageWish, total: number, nodes: readonly number[] = [], running = 'ro'): Verdict {
  const facts = factsOf({ boot: { running } });
  const pool = { sizeKiB: 2048, free: 0 };
  const hugepages = [{ ...pool, node: null, total }, ...nodes.map((count, node) => ({ ...pool, node, total: count }))];
  const input = {
    facts: { ...facts, memory: { ...facts.memory, hugepages } },
    host: 'node01',
    wants: {},
    evidence: null,
  };
  return hugepagesReserved(wish).judge(input);
}

it('passes where all are there, and says where', () => {
  const verdict = judge({ count: 1024 }, 1024, [512, 512]);
  expect(verdict).toMatchObject({
    outcome: 'pass',
    found: 'Reserved: 1024 pages of 2M (512 on node 0, 512 on node 1).',
  });
});

it('fails where the kernel found fewer than it was asked for', () => {
  const verdict = judge({ count: 1024 }, 1000, [], 'hugepagesz=2M hugepages=1024');
  expect(verdict).toMatchObject({ outcome: 'fail', found: 'Reserved: 1000 of 1024 pages of 2M.' });
  expect(verdict.remedy).toContain('in one piece');
  expect(judge({ count: 1024 }, 0).remedy).toContain('reboot');
});

it('fails where a node has fewer, though there are enough in all', () => {
  const wish = { nodes: { 0: 512, 1: 512 } };
  expect(judge(wish, 1024, [1000, 24])).toMatchObject({ outcome: 'fail', found: 'Reserved: node 1: 24 of 512.' });
  expect(judge(wish, 1024, [512, 512]).outcome).toBe('pass');
});

it('fails where the wish itself cannot be had', () => {
  expect(judge({ size: '1G' }, 0)).toMatchObject({ outcome: 'fail', found: expect.stringContaining('pdpe1gb') });
});

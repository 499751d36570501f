import { expect, it } from 'vitest';
import { emptyRecord, type HostRecord } from '../../src/host/record.ts';
import { buildable, withoutInitramfs } from '../../src/host/undo-initramfs.ts';
import type { Effect } from '../../src/resources/effect.ts';
import type { Change } from '../../src/resources/resource.ts';
import { factsOf } from '../boot/facts.ts';

const image: Effect = { kind: 'initramfs', reason: 'r' };
const none = factsOf({ boot: { initramfs: 'none' } });
const change: Change = { resource: 'f', summary: 's', diffs: [], actions: [], effects: [image], notes: [] };
const plan = { changes: [change] };

function recordOf(pending: readonly Effect[], ...playbooks: readonly string[]): HostRecord {
  const file = {
    digest: 'd',
    earlier: 'absent',
    original: { kind: 'unknown' },
    owned: 'whole',
    effects: [image],
  } as const;
  const files = playbooks.map((name) => [`/etc/modprobe.d/${name}`, { ...file, playbooks: [name] }] as const);
  return { ...emptyRecord, pending, files: Object.fromEntries(files) };
}

it('strikes an initramfs that was never built, with the last playbook that needs it', () => {
  const alone = withoutInitramfs(recordOf([image], 'One'), plan, 'One', none, 'h');
  expect([alone.record.pending, alone.plan.changes[0]?.effects]).toEqual([[], []]);
  const both = withoutInitramfs(recordOf([image], 'One', 'Other'), plan, 'One', none, 'h');
  expect([both.record.pending, both.plan.changes[0]?.effects]).toEqual([[image], []]);
  expect(buildable(both.record.pending, none)).toEqual([]);
});

it('refuses before it writes where an image may hold what would go', () => {
  expect(() => withoutInitramfs(recordOf([], 'One'), plan, 'One', none, 'h')).toThrow(/^h: the initramfs: /);
});

it('leaves all as it is where one can be built', () => {
  const record = recordOf([image], 'One');
  expect(withoutInitramfs(record, plan, 'One', factsOf({}), 'h')).toEqual({ record, plan });
  expect(buildable([image], factsOf({}))).toEqual([image]);
});

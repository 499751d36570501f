import { describe, expect, it } from 'vitest';
import { emptyRecord, type HostRecord } from '../../src/host/record.ts';
import { buildable, strikeOrphan, withoutInitramfs } from '../../src/host/undo-initramfs.ts';
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

it('is due still for another playbook that added a line to a file which the initramfs copies', () => {
  const record = { ...recordOf([image], 'One'), lines: { Other: { '/etc/initramfs-tools/modules': ['vfio'] } } };
  const left = withoutInitramfs(record, plan, 'One', none, 'h');
  expect([left.record.pending, left.plan.changes[0]?.effects]).toEqual([[image], []]);
});

describe('that is due for nobody any more', () => {
  const reboot: Effect = { kind: 'reboot', reason: 'r', present: [], absent: [] };

  it('is struck where nobody can build one, and nothing else is', () => {
    expect(strikeOrphan(recordOf([image, reboot]), none)?.pending).toEqual([reboot]);
  });

  it.each([
    ['one can be built, which settles it', recordOf([image]), factsOf({})],
    ['a playbook needs it', recordOf([image], 'One'), none],
    [
      'a playbook needs it for a line',
      { ...recordOf([image]), lines: { One: { '/etc/initramfs-tools/modules': ['vfio'] } } },
      none,
    ],
    ['none is due', recordOf([reboot]), none],
  ])('stays as it is where %s', (_, record, facts) => {
    expect(strikeOrphan(record, facts)).toBeNull();
  });
});

it('refuses before it writes where an image may hold what would go', () => {
  expect(() => withoutInitramfs(recordOf([], 'One'), plan, 'One', none, 'h')).toThrow(/^h: the initramfs: /);
});

it('leaves all as it is where one can be built', () => {
  const record = recordOf([image], 'One');
  expect(withoutInitramfs(record, plan, 'One', factsOf({}), 'h')).toEqual({ record, plan });
  expect(buildable([image], factsOf({}))).toEqual([image]);
});

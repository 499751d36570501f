import { expect, it } from 'vitest';
import { holderOf } from '../../src/cli/holder.ts';

it('a run of this process is gone when it has ended, and not before', () => {
  const [first, second] = [holderOf({ user: 'op' }), holderOf({ user: 'op' })];
  expect(second.isGone(first.process)).toBe(false);
  first.end();
  expect(second.isGone(first.process)).toBe(true);
  expect(first.isGone(second.process)).toBe(false);
});

it('what this controller cannot know is never gone', () => {
  const holder = holderOf({ user: 'op' });
  const own = JSON.parse(holder.process) as Record<string, unknown>;
  expect(holder.isGone('')).toBe(false);
  expect(holder.isGone('{}')).toBe(false);
  expect(holder.isGone(JSON.stringify({ ...own, machine: 'another' }))).toBe(false);
  expect(holder.isGone(JSON.stringify({ ...own, boot: 'another' }))).toBe(false);
  // A process of the same id that began at another time has ended.
  expect(holder.isGone(JSON.stringify({ ...own, started: '1' }))).toBe(true);
});

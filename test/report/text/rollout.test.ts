import { expect, it } from 'vitest';
import { createPaint } from '../../../src/report/paint.ts';
import { rolloutLines } from '../../../src/report/text/rollout.ts';
import { resolveRollout } from '../../../src/rollout/rollout.ts';
import type { RolloutWish } from '../../../src/rollout/wish.ts';

function lines(wish: RolloutWish, number: number, canaries: readonly string[] = []): readonly string[] {
  const hosts = Array.from({ length: number }, (_, at) => ({ name: `n${at + 1}`, domain: `r${Math.floor(at / 6)}` }));
  return rolloutLines(resolveRollout(wish, hosts, new Set(canaries)), number, createPaint(false));
}

it('tells the policy in two lines where nothing was said', () => {
  expect(lines({}, 200)).toEqual([
    'rollout: at most 20 of 200 hosts at once, 1 to 3 of each rack',
    '  halts when more than 20 hosts end badly',
  ]);
  expect(lines({}, 3)).toEqual([
    'rollout: at most 3 of 3 hosts at once, 1 of each rack',
    '  halts when more than 1 host ends badly',
  ]);
});

it('tells all that was said in three', () => {
  const wish: RolloutWish = {
    ...{ batches: [1, 5, '50%'], perRack: '50%', maxFailures: 0, soak: 300_000, pause: 30_000, maxRebooting: 4 },
    windows: ['Sat 22:00-04:00', 'Sun 22:00-04:00 Europe/Berlin'],
  };
  expect(lines(wish, 16, ['n1', 'n2'])).toEqual([
    'rollout: n[1-2] first (2 canary hosts), then at most 1, then 5, then 8 of 16 hosts at once, 2 to 3 of each rack',
    '  halts when more than 0 hosts end badly, or a canary host does',
    '  at most 4 rebooting, watches each for 5 min, 30 s between two starts, starts only Sat 22:00-04:00 or Sun 22:00-04:00 Europe/Berlin',
  ]);
});

it('says nothing of one host', () => {
  expect(lines({ perRack: 1 }, 1)).toEqual([]);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinRollouts, type RolloutWish, readRolloutKey, rolloutKeys } from '../../src/rollout/wish.ts';

describe('readRolloutKey', () => {
  it.each([
    ['perRack', 3, 3],
    ['perRack', '25%', '25%'],
    ['batches', 5, [5]],
    ['batches', [1, '10%'], [1, '10%']],
    ['canary', 'rack:r1', ['rack:r1']],
    ['canary', [], []],
    ['soak', '250ms', 250],
    ['soak', '1.5m', 90_000],
    ['pause', '2h', 7_200_000],
    ['maxFailures', 0, 0],
    ['maxFailures', '0%', '0%'],
    ['windows', 'Sat 22:00-04:00', ['Sat 22:00-04:00']],
  ] as const)('%s: %j', (key, given, expected) => {
    expect(readRolloutKey(key, given)).toEqual(expected);
  });

  it.each([
    ['perRack', 0],
    ['perRack', '0%'],
    ['perRack', 1.5],
    ['perRack', '3'],
    ['parallel', '110%'],
    ['batches', []],
    ['batches', [1, 0]],
    ['canary', ' '],
    ['soak', 30],
    ['soak', '5 m'],
    ['soak', '-5m'],
    // Longer than a timer of Node may last: the soak would be over at once.
    ['soak', '600h'],
    ['domain', 'a b'],
    ['confirmAbove', '50%'],
    ['windows', '22:00'],
    ['maxFailures', null],
  ] as const)('%s: %j is none', (key, given) => {
    expect(readRolloutKey(key, given)).toBeNull();
  });
});

describe('joinRollouts', () => {
  const wish: fc.Arbitrary<RolloutWish> = fc.record(
    { perRack: fc.integer({ min: 1 }), soak: fc.nat(), maxFailures: fc.nat(), canary: fc.array(fc.string()) },
    { requiredKeys: [] },
  );

  it('gives of each key what was said last, and nothing that nobody said', () => {
    fc.assert(
      fc.property(fc.array(wish), (wishes) => {
        const joined = joinRollouts(wishes);
        for (const key of rolloutKeys) {
          const said = wishes.filter((one) => one[key] !== undefined).at(-1)?.[key];
          expect(joined[key]).toEqual(said);
          expect(key in joined).toBe(said !== undefined);
        }
      }),
    );
  });
});

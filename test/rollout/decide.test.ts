import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, isOver } from '../../src/rollout/decide.ts';
import { beginRollout, step } from '../../src/rollout/state.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `node${index}`);

describe('decide', () => {
  it('starts no more hosts than may be at work at once', () => {
    const state = beginRollout(names(5));
    expect(decide(state, { parallel: 2 })).toEqual([
      { kind: 'start', host: 'node0' },
      { kind: 'start', host: 'node1' },
    ]);
  });

  it('gives a freed place to the next host at once, whatever became of the first', () => {
    let state = beginRollout(names(3));
    state = step(state, { type: 'started', host: 'node0' });
    state = step(state, { type: 'started', host: 'node1' });
    expect(decide(state, { parallel: 2 })).toEqual([]);
    state = step(state, { type: 'ended', host: 'node0', state: 'failed' });
    expect(decide(state, { parallel: 2 })).toEqual([{ kind: 'start', host: 'node2' }]);
  });

  it('skips every waiting host once somebody asked to stop, and leaves those at work', () => {
    let state = step(beginRollout(names(3)), { type: 'started', host: 'node0' });
    state = step(state, { type: 'stop' });
    expect(decide(state, { parallel: 9 }).map((decision) => [decision.kind, decision.host])).toEqual([
      ['skip', 'node1'],
      ['skip', 'node2'],
    ]);
  });

  it('holds its limit, ends every host once, and ends, whatever the order of events', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 8 }),
        fc.infiniteStream(fc.nat()),
        fc.option(fc.nat({ max: 40 })),
        (count, parallel, picks, stopAt) => {
          let state = beginRollout(names(count));
          const ended: string[] = [];
          for (let turn = 0; !isOver(state); turn += 1) {
            if (turn > 4 * count + 50) throw new Error('the rollout does not end');
            if (turn === stopAt) state = step(state, { type: 'stop' });
            for (const decision of decide(state, { parallel })) {
              if (decision.kind === 'start') state = step(state, { type: 'started', host: decision.host });
              else {
                ended.push(decision.host);
                state = step(state, { type: 'ended', host: decision.host, state: 'skipped' });
              }
            }
            const working = [...state.hosts].filter(([, standing]) => standing.kind === 'working');
            expect(working.length).toBeLessThanOrEqual(parallel);
            const [host] = working[(picks.next().value ?? 0) % Math.max(1, working.length)] ?? [];
            if (host !== undefined) {
              ended.push(host);
              state = step(state, { type: 'ended', host, state: 'ok' });
            }
          }
          expect(ended.sort()).toEqual(names(count).sort());
        },
      ),
    );
  });

  it('refuses an event that cannot be true', () => {
    const state = beginRollout(['a']);
    expect(() => step(state, { type: 'started', host: 'b' })).toThrow('not part of it');
    const over = step(state, { type: 'ended', host: 'a', state: 'ok' });
    expect(() => step(over, { type: 'ended', host: 'a', state: 'ok' })).toThrow('cannot be ended when it is ended');
  });
});

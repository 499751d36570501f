import { describe, expect, it } from 'vitest';
import type { HookName, HostState, Stamped } from '../../src/events/event.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { fold, startFold } from '../../src/report/fold.ts';
import { at, bootConfiguration, change, failure, hostEnded, plan, runEnded, runStarted, verdict } from './sample.ts';

const story: readonly Stamped[] = [
  runStarted(['a', 'b', 'c']),
  { at: at(1), type: 'host-started', host: 'a' },
  { at: at(1), type: 'phase', host: 'a', phase: 'connect' },
  { at: at(2), type: 'phase', host: 'a', phase: 'gate' },
  { at: at(2), type: 'verdict', host: 'a', phase: 'gate', verdict: verdict('unknown') },
  { at: at(3), type: 'verdict', host: 'a', phase: 'gate', verdict: verdict('pass') },
  {
    at: at(3),
    type: 'planned',
    host: 'a',
    plan: plan('a', { changes: [change()], gates: [verdict('pass', { check: 'guests' })] }),
  },
  { at: at(4), type: 'write-intent', host: 'a', changes: [change()] },
  { at: at(5), type: 'written', host: 'a', changes: [change()] },
  { at: at(6), type: 'effect-intent', host: 'a', effect: bootConfiguration },
  { at: at(7), type: 'effect-done', host: 'a', effect: bootConfiguration },
  { at: at(8), type: 'phase', host: 'a', phase: 'reboot', detail: 'waits' },
  { at: at(9), type: 'phase', host: 'a', phase: 'reboot', detail: 'still waits' },
  { at: at(20), type: 'rebooted', host: 'a', bootIdBefore: '1', bootIdAfter: '2' },
  { at: at(21), type: 'verdict', host: 'a', phase: 'verify', verdict: verdict('pass') },
  { at: at(22), type: 'warning', host: 'a', text: 'about a' },
  { at: at(22), type: 'warning', host: null, text: 'about all' },
  { at: at(23), type: 'host-ended', host: 'a', state: 'ok', writes: 1, reboots: 1 },
  hostEnded('b', 'unreachable', 30),
];

const hook = (kind: 'intent' | 'done', name: HookName): Stamped => ({
  ...{ at: at(1), type: kind === 'intent' ? 'hook-intent' : 'hook-done', host: 'a', hook: name },
});
const end = (state: HostState, more: Partial<Extract<Stamped, { type: 'host-ended' }>> = {}): Stamped =>
  ({ ...hostEnded('a', state), ...more }) as Stamped;
const resumed: Stamped = { at: at(2), type: 'run-resumed', run: 'run-1', command: 'apply', part: 2, left: ['a'] };

describe('fold', () => {
  it('tells of each host what became of it', () => {
    const [a, b, c] = fold(story).hosts;
    expect(a).toMatchObject({
      name: 'a',
      rack: 'r1',
      state: 'ok',
      failure: null,
      startedAt: at(1),
      endedAt: at(23),
      writes: 1,
      reboots: 1,
      warnings: ['about a'],
      settled: [bootConfiguration],
      phases: [
        { phase: 'connect', at: at(1) },
        { phase: 'gate', at: at(2) },
        { phase: 'reboot', at: at(8) },
      ],
    });
    expect(a?.written.map(({ resource }) => resource)).toEqual(['kernel arguments']);
    expect(b).toMatchObject({ state: 'unreachable', failure: failure('b') });
    expect(c).toMatchObject({ state: null, startedAt: null });
  });

  it('keeps the latest verdict of each gate and check, gates of the plan among them', () => {
    const [a] = fold(story).hosts;
    expect(a?.gates.map(({ check, outcome }) => [check, outcome])).toEqual([
      ['iommu-active', 'pass'],
      ['guests', 'pass'],
    ]);
    expect(a?.checks).toHaveLength(1);
  });

  it('tells one check about two things apart', () => {
    const verdicts = ['0000:03:00.0', '0000:04:00.0'].map((title) => verdict('pass', { check: 'bound', title }));
    const events = verdicts.map(
      (one): Stamped => ({ at: at(1), type: 'verdict', host: 'a', phase: 'verify', verdict: one }),
    );
    expect(fold(events).hosts[0]?.checks).toEqual(verdicts);
  });

  it('counts hosts by state, and those that have not ended', () => {
    const { totals, endedAt, duration, warnings } = fold(story);
    expect(totals).toMatchObject({
      hosts: 3,
      notEnded: 1,
      writes: 1,
      reboots: 1,
      states: { ok: 1, unreachable: 1, failed: 0 },
    });
    expect({ endedAt, duration, warnings }).toEqual({ endedAt: null, duration: 30_000, warnings: ['about all'] });
    expect(fold([...story, runEnded(true)])).toMatchObject({ endedAt: at(90), duration: 90_000, interrupted: true });
  });

  it('knows of writes that a runner which broke off did not tell of', () => {
    const broken = story.map(
      (event): Stamped => (event.type === 'host-ended' ? { ...event, writes: 0, reboots: 0 } : event),
    );
    expect(fold(broken).hosts[0]).toMatchObject({ writes: 1, reboots: 1 });
  });

  it('keeps facts for the command that shows them only', () => {
    const facts = { architecture: 'x86_64', identity: { bootId: 'one' } } as Facts;
    const read: Stamped = { at: at(1), type: 'facts-read', host: 'a', facts };
    expect(fold([runStarted(['a'], 'facts'), read]).hosts[0]?.facts).toBe(facts);
    expect(fold([runStarted(['a'], 'apply'), read]).hosts[0]?.facts).toBeNull();
  });

  it.each<readonly [string, readonly Stamped[], object]>([
    ['drained, as its drain failed', [hook('intent', 'drain'), end('failed', { drained: true })], { drained: true }],
    ['drained while its controller died', [hook('intent', 'drain')], { drained: true }],
    ['taken back', [hook('intent', 'drain'), hook('done', 'undrain'), end('ok')], { drained: false }],
    ['drained without a hook to take it back', [end('ok', { drained: true })], { drained: true }],
    [
      'drained by an earlier part of the run, and not reached by the next',
      [hook('intent', 'drain'), resumed, end('unreachable')],
      { drained: true, state: 'unreachable' },
    ],
    [
      'drained by an earlier part, and taken back by another run in the meantime',
      [hook('intent', 'drain'), resumed, end('ok')],
      { drained: false },
    ],
    ['power cycled', [hook('done', 'power'), end('ok', { powerCycled: true })], { powerCycled: true }],
    ['power cycled before its controller died', [hook('done', 'power'), resumed, end('ok')], { powerCycled: true }],
    ['left alone by a power command that failed', [hook('intent', 'power'), end('lost')], { powerCycled: false }],
  ])('knows of a host that it is %s', (_, events, expected) => {
    expect(fold([runStarted(['a']), ...events]).hosts[0]).toMatchObject(expected);
  });

  it('gives the same event by event as at once, and summaries that stay as they were', () => {
    const folding = startFold();
    for (const [index, event] of story.entries()) {
      folding.take(event);
      expect(folding.summary()).toEqual(fold(story.slice(0, index + 1)));
    }
    const before = folding.summary();
    const copy = structuredClone(before);
    folding.take({ at: at(80), type: 'warning', host: 'a', text: 'later' });
    folding.take(hostEnded('c', 'lost', 80));
    expect(before).toEqual(copy);
  });

  it('does not run backwards with a clock that does', () => {
    expect(
      fold([
        { ...runStarted(['a']), at: at(50) },
        { ...runEnded(), at: at(10) },
      ]).duration,
    ).toBe(0);
  });
});

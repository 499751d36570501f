import { describe, expect, it } from 'vitest';
import type { Stamped } from '../../src/events/event.ts';
import { fold } from '../../src/report/fold.ts';
import { renderJson } from '../../src/report/json.ts';
import { at, bootConfiguration, change, hostEnded, plan, runEnded, runStarted, verdict } from './sample.ts';

const events: readonly Stamped[] = [
  runStarted(['a', 'b'], 'plan'),
  { at: at(1), type: 'host-started', host: 'a' },
  { at: at(1), type: 'phase', host: 'a', phase: 'plan' },
  {
    at: at(2),
    type: 'planned',
    host: 'a',
    plan: plan('a', { changes: [change()], effects: [bootConfiguration], gates: [verdict('pass')] }),
  },
  { at: at(3), type: 'host-ended', host: 'a', state: 'ok', writes: 0, reboots: 0 },
  hostEnded('b', 'unreachable', 5),
  runEnded(),
];

describe('renderJson', () => {
  it('is one document with the keys that it promises', () => {
    const found = JSON.parse(renderJson(fold(events), 'plan'));
    expect(Object.keys(found)).toEqual(
      [
        'version',
        'command',
        'dryRun',
        'run',
        'playbook',
        'startedAt',
        'endedAt',
        'durationSeconds',
        'interrupted',
        'halted',
        'rollout',
        'exitCode',
      ].concat(['totals', 'hosts', 'warnings']),
    );
    expect(found).toMatchObject({ version: 1, command: 'plan', run: 'run-1', durationSeconds: 90, exitCode: 1 });
    expect(found.totals).toEqual({
      hosts: 2,
      ok: 1,
      failed: 0,
      refused: 0,
      unreachable: 1,
      lost: 0,
      'rolled-back': 0,
      skipped: 0,
      notEnded: 0,
      writes: 0,
      reboots: 0,
    });
  });

  it('has the same keys for every host, whatever became of it', () => {
    const [a, b] = JSON.parse(renderJson(fold(events), 'plan')).hosts;
    expect(Object.keys(a)).toEqual(Object.keys(b));
    expect(a).toMatchObject({
      name: 'a',
      rack: 'r1',
      state: 'ok',
      failure: null,
      gates: [verdict('pass')],
      facts: null,
      drained: false,
      powerCycled: false,
    });
    expect(a.plan).toEqual({ changes: [change()], pending: [], effects: [bootConfiguration], around: null });
    expect(b).toMatchObject({
      name: 'b',
      state: 'unreachable',
      failure: { code: 'ssh.timeout', host: 'b' },
      plan: null,
    });
  });

  it('gives before any event what it gives after them: a document', () => {
    expect(JSON.parse(renderJson(fold([]), 'verify'))).toMatchObject({ run: null, hosts: [], exitCode: 0 });
  });

  it('is safe on a terminal', () => {
    const nasty = '\x1b[2J\x9b\u202e';
    const text = renderJson(fold([...events, { at: at(9), type: 'warning', host: null, text: nasty }]), 'plan');
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    expect(JSON.parse(text).warnings).toEqual([nasty]);
  });
});

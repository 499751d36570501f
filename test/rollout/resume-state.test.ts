import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBus } from '../../src/events/bus.ts';
import type { HostState, Notice, Stamped } from '../../src/events/event.ts';
import type { HostEnd } from '../../src/host/run.ts';
import { fold } from '../../src/report/fold.ts';
import { badHosts, spentBudget } from '../../src/rollout/budget.ts';
import { inFlight } from '../../src/rollout/decide.ts';
import { drive } from '../../src/rollout/drive.ts';
import { atOnce, type Policy } from '../../src/rollout/policy.ts';
import {
  begunIn,
  drainedIn,
  leftOf,
  lookAgain,
  lookedAt,
  lostIn,
  rebootAskedIn,
  resumeState,
} from '../../src/rollout/resume-state.ts';
import { fixtureFacts } from '../facts/fixtures.ts';

const at = '2026-11-23T03:50:00.000Z';
const clock = { now: () => 0, sleep: async () => {} };

/** How a model host ends; all that it has done is on the host, as it is on a real one. */
type Fate = Extract<HostState, 'ok' | 'failed' | 'lost' | 'refused'>;

interface Model {
  readonly fate: Fate;
  written: number;
  rebooted: number;
}

/** Runs what is left of a rollout over model hosts, and gives the events of this part. */
async function part(models: ReadonlyMap<string, Model>, policy: Policy, earlier: readonly Stamped[]) {
  const bus = createBus({ now: () => at });
  const told: Stamped[] = [];
  bus.subscribe((event) => told.push(event));
  const names = [...models.keys()];
  if (earlier.length === 0) {
    const hosts = names.map((name) => ({ name, rack: null }));
    await bus.intend({ type: 'run-started', run: 'r', command: 'apply', playbook: null, hosts });
  } else {
    const left = leftOf(resumeState(earlier));
    const parts = earlier.filter(({ type }) => type === 'run-resumed').length;
    await bus.intend({ type: 'run-resumed', run: 'r', command: 'apply', part: parts + 2, left });
  }
  const from = earlier.length === 0 ? undefined : resumeState(earlier);
  const start = async (host: string): Promise<HostEnd> => {
    const model = models.get(host);
    if (model === undefined) throw new Error(host);
    if (model.written === 0) {
      await bus.intend({ type: 'write-intent', host, changes: [] });
      model.written += 1;
      bus.emit({ type: 'written', host, changes: [] });
    }
    if (model.rebooted === 0) {
      model.rebooted += 1;
      bus.emit({ type: 'phase', host, phase: 'reboot' } satisfies Notice);
    }
    return { state: model.fate, writes: 0, reboots: 0 };
  };
  await drive({
    ...{ hosts: names, from, policy, clock, bus, wall: () => 0 },
    runner: { start },
    stop: new AbortController().signal,
  });
  bus.emit({ type: 'run-ended', interrupted: false });
  return told;
}

function endsOf(events: readonly Stamped[]): readonly (readonly [string, HostState | null])[] {
  return fold(events).hosts.map(({ name, state }) => [name, state]);
}

function modelsOf(fates: readonly Fate[]): ReadonlyMap<string, Model> {
  return new Map(fates.map((fate, index) => [`n${index}`, { fate, written: 0, rebooted: 0 }]));
}

const fates = fc.array(fc.constantFrom<Fate>('ok', 'ok', 'ok', 'failed', 'lost', 'refused'), {
  minLength: 1,
  maxLength: 7,
});

describe('resumeState', () => {
  it('of a journal cut after any event leads to the end of a run that nobody cut, and does nothing twice', async () => {
    await fc.assert(
      fc.asyncProperty(fates, fc.integer({ min: 1, max: 4 }), fc.nat(), async (wanted, parallel, second) => {
        // A budget that is never spent: which hosts a halt finds at work depends on who was faster.
        const policy = atOnce(parallel + wanted.filter((fate) => fate === 'lost').length);
        const whole = await part(modelsOf(wanted), policy, []);
        for (let cut = 1; cut <= whole.length; cut += 1) {
          const models = modelsOf(wanted);
          // What the hosts had done by then is done.
          const before = whole.slice(0, cut);
          for (const event of before) {
            const model = 'host' in event && event.host !== null ? models.get(event.host) : undefined;
            if (model === undefined) continue;
            if (event.type === 'written') model.written = 1;
            if (event.type === 'phase') model.rebooted = 1;
          }
          const rest = await part(models, policy, before);
          // And once more, cut in the part that was resumed.
          const again = rest.slice(0, 1 + (second % rest.length));
          const last = await part(models, policy, [...before, ...again]);
          for (const events of [
            [...before, ...rest],
            [...before, ...again, ...last],
          ]) {
            expect(endsOf(events)).toEqual(endsOf(whole));
          }
          for (const { written, rebooted } of models.values()) expect([written, rebooted]).toEqual([1, 1]);
        }
      }),
      { numRuns: 20 },
    );
  });

  const started: Stamped = {
    ...{ at, type: 'run-started', run: 'r', command: 'apply', playbook: null },
    hosts: ['a', 'b', 'c', 'd'].map((name) => ({ name, rack: null })),
  };
  const begun = (host: string): Stamped => ({ at, type: 'host-started', host });
  const ended = (host: string, state: HostState, code = ''): Stamped => ({
    ...{ at, type: 'host-ended', host, state, writes: 0, reboots: 0 },
    ...(code !== '' && { failure: { code, host, thing: '', message: '' } }),
  });

  it('keeps the slots of hosts that were lost, and of those that were at work', () => {
    const state = resumeState([started, begun('a'), begun('b'), ended('b', 'lost')]);
    expect(inFlight(state)).toEqual(['a', 'b']);
    expect(leftOf(state)).toEqual(['a', 'c', 'd']);
  });

  it('keeps the slot of a host that is out of service also where it is to be tried again', () => {
    const events = [started, begun('a'), ended('a', 'lost'), begun('b'), ended('b', 'failed')];
    const state = resumeState(events, new Set(['a', 'b']));
    expect(inFlight(state)).toEqual(['a']);
    // Stopped before its turn came, in the part that was to try it again.
    const again: Stamped = { at, type: 'run-resumed', run: 'r', command: 'apply', part: 2, left: ['a', 'b'] };
    const stopped = [...events, again, ended('a', 'skipped', 'interrupted'), ended('b', 'skipped', 'interrupted')];
    expect(inFlight(resumeState(stopped))).toEqual(['a']);
  });

  it('begins again with hosts that do not answer and keep a place, and with no others that have ended', () => {
    const silent: Stamped = { ...ended('b', 'unreachable'), holdsSlot: true } as Stamped;
    const drained: Stamped = { ...ended('c', 'failed'), holdsSlot: true } as Stamped;
    const events = [started, ...['a', 'b', 'c', 'd'].map(begun), ended('a', 'lost'), silent, drained];
    const state = lookAgain(resumeState([...events, ended('d', 'unreachable')]));
    expect(leftOf(state)).toEqual(['a', 'b']);
    // They have kept their places, and have them still.
    expect(inFlight(state)).toEqual(['a', 'b', 'c']);
  });

  it('begins again with what has failed because nobody could talk to it, or has accepted a reboot and is there still', () => {
    const holds = (host: string, code: string): Stamped =>
      ({ ...ended(host, 'failed', code), holdsSlot: true }) as Stamped;
    const ends = [holds('a', 'shell.no-start'), holds('b', 'reboot.not-started'), holds('c', 'hook.drain-failed')];
    const state = lookAgain(resumeState([started, ...['a', 'b', 'c', 'd'].map(begun), ...ends]));
    expect(lookedAt(state)).toEqual(['a', 'b']);
  });

  it('counts in the budget as what it was whoever is only looked at, over the deaths of controllers, until it ends anew', () => {
    const one = { ...atOnce(9), maxFailures: 1 };
    const events = [started, begun('a'), ended('a', 'lost'), begun('b'), ended('b', 'lost')];
    const first = lookAgain(resumeState(events));
    expect(badHosts(first, one)).toEqual(['a', 'b']);
    expect(spentBudget(first, one)).toContain('a, b did not end well');
    const looked = { at, type: 'run-resumed', run: 'r', command: 'apply', part: 2, left: ['a', 'b', 'c'] } as const;
    const part = [...events, { ...looked, looked: ['a', 'b'] }, begun('a'), begun('b')];
    expect(badHosts(resumeState(part), one)).toEqual(['a', 'b']);
    expect(badHosts(resumeState([...part, ended('a', 'ok')]), one)).toEqual(['b']);
    // Those that are tried again, as their cause is gone, do not.
    expect(badHosts(resumeState([...events, looked, begun('a')]), one)).toEqual([]);
  });

  it('counts a host that was refused after it had been changed, and not one whose reboot guests are in the way of', () => {
    const refused = (host: string, code: string, writes: number): Stamped =>
      ({ ...ended(host, 'refused', code), writes }) as Stamped;
    const state = resumeState([
      ...[started, ...['a', 'b', 'c'].map(begun)],
      ...[refused('a', 'host.leased', 2), refused('b', 'gate.closed', 0), refused('c', 'guests.running', 2)],
    ]);
    expect(badHosts(state, atOnce(9))).toEqual(['a']);
  });

  it('lets those wait that were only not started, and go on first that somebody stopped in their work', () => {
    const state = resumeState([
      ...[started, begun('a'), ended('a', 'failed', 'interrupted'), ended('b', 'skipped', 'interrupted')],
      ...[ended('c', 'skipped', 'rollout.halted'), ended('d', 'skipped', 'gate.closed')],
    ]);
    expect([...state.hosts].map(([, { kind }]) => kind)).toEqual(['cut-off', 'waiting', 'waiting', 'ended']);
  });

  it('knows in a third part who was cut off in the first', () => {
    const resumed: Stamped = {
      at,
      type: 'run-resumed',
      run: 'r',
      command: 'apply',
      part: 2,
      left: ['a', 'b', 'c', 'd'],
    };
    const first = [started, begun('a'), resumed];
    expect(resumeState(first).hosts.get('a')).toEqual({ kind: 'cut-off' });
    const stopped = [...first, ended('a', 'skipped', 'interrupted')];
    expect(resumeState(stopped).hosts.get('a')).toEqual({ kind: 'cut-off' });
    expect(resumeState([...first, begun('a'), ended('a', 'ok')]).hosts.get('a')).toMatchObject({ state: 'ok' });
  });

  it('runs hosts again that ended badly, where that is asked for', () => {
    const state = resumeState([started, begun('a'), ended('a', 'failed')], new Set(['a']));
    expect(state.hosts.get('a')).toEqual({ kind: 'waiting' });
  });
});

describe('decide, of a rollout that goes on', () => {
  it('brings hosts to their end that were at work, also when the budget is spent and the window is closed', async () => {
    const events: readonly Stamped[] = [
      {
        at,
        type: 'run-started',
        run: 'r',
        command: 'apply',
        playbook: null,
        hosts: ['a', 'b', 'c'].map((name) => ({ name, rack: null })),
      },
      { at, type: 'host-started', host: 'a' },
      { at, type: 'host-started', host: 'b' },
      { at, type: 'host-ended', host: 'b', state: 'failed', writes: 0, reboots: 0 },
    ];
    const models = modelsOf(['ok', 'ok', 'ok']);
    const named = new Map([...models].map(([, model], index) => [['a', 'b', 'c'][index] ?? '', model]));
    const rest = await part(named, { ...atOnce(2), maxFailures: 0 }, events);
    expect(endsOf([...events, ...rest])).toEqual([
      ['a', 'ok'],
      ['b', 'failed'],
      ['c', 'skipped'],
    ]);
  });
});

describe('rebootAskedIn', () => {
  const effect = { kind: 'reboot' as const, reason: 'r', present: [], absent: [] };
  const read = (bootId: string): Stamped => {
    const facts = fixtureFacts('debian-12-intel');
    return { at, type: 'facts-read', host: 'a', facts: { ...facts, identity: { ...facts.identity, bootId } } };
  };
  const asked: Stamped = { at, type: 'effect-intent', host: 'a', effect };

  it('names a host whose reboot was asked for when the controller died, and the boot that it ends', () => {
    expect([...rebootAskedIn([{ at, type: 'host-started', host: 'a' }, asked])]).toEqual([['a', null]]);
    expect([...rebootAskedIn([read('one'), asked])]).toEqual([['a', 'one']]);
  });

  it('still names one that answered a later part of the run before it went down', () => {
    expect([...rebootAskedIn([read('one'), asked, read('one')])]).toEqual([['a', 'one']]);
  });

  it('does not name one that was heard of again, or has ended', () => {
    const done: Stamped = { at, type: 'effect-done', host: 'a', effect };
    const failed: Stamped = { at, type: 'host-ended', host: 'a', state: 'failed', writes: 1, reboots: 1 };
    expect([...rebootAskedIn([read('one'), asked, read('two')])]).toEqual([]);
    expect([...rebootAskedIn([asked, done])]).toEqual([]);
    expect([...rebootAskedIn([asked, failed])]).toEqual([]);
  });

  it('still names one that has accepted the reboot and not gone down for it', () => {
    const end = { at, type: 'host-ended', host: 'a', state: 'failed', writes: 1, reboots: 1, holdsSlot: true } as const;
    const failure = { code: 'reboot.not-started', host: 'a', thing: 't', message: 'm' };
    expect([...rebootAskedIn([asked, { ...end, failure }])]).toEqual([['a', null]]);
  });

  it('still names one that was lost: whoever tries it again may come while it boots', () => {
    const lost: Stamped = { at, type: 'host-ended', host: 'a', state: 'lost', writes: 1, reboots: 1 };
    expect([...rebootAskedIn([asked, lost])]).toEqual([['a', null]]);
  });
});

describe('drainedIn', () => {
  const at = '2026-11-23T04:00:00.000Z';
  const begins = (hook: 'drain' | 'undrain'): Stamped => ({ at, type: 'hook-intent', host: 'a', hook });
  const ends = (hook: 'drain' | 'undrain'): Stamped => ({ at, type: 'hook-done', host: 'a', hook });

  it('names hosts that somebody has begun to drain, until they are back in service', () => {
    expect([...drainedIn([begins('drain')])]).toEqual(['a']);
    expect([...drainedIn([begins('drain'), ends('drain'), begins('undrain')])]).toEqual(['a']);
    expect([...drainedIn([begins('drain'), ends('drain'), begins('undrain'), ends('undrain')])]).toEqual([]);
  });
});

describe('begunIn', () => {
  const at = '2026-11-23T04:00:00.000Z';
  const writes: Stamped = { at, type: 'write-intent', host: 'a', changes: [] };
  const ends = (state: HostState, code?: string): Stamped => ({
    ...{ at, type: 'host-ended', host: 'a', state, writes: 1, reboots: 0 },
    ...(code !== undefined && { failure: { code, host: 'a', thing: 't', message: 'm' } }),
  });

  it('names hosts that may have been changed, not those that were only started', () => {
    expect([...begunIn([{ at, type: 'host-started', host: 'b' }, writes])]).toEqual(['a']);
  });

  it('names those that came to no end, or to one out of service', () => {
    expect([...begunIn([writes, ends('failed', 'interrupted')])]).toEqual(['a']);
    expect([...begunIn([writes, ends('lost')])]).toEqual(['a']);
    expect([...begunIn([writes, ends('failed', 'settle.job-failed')])]).toEqual([]);
  });
});

describe('lostIn', () => {
  const at = '2026-11-23T04:00:00.000Z';
  const ends = (state: HostState, more: object = {}): Stamped => ({
    ...{ at, type: 'host-ended', host: 'a', state, writes: 0, reboots: 0 },
    ...more,
  });
  const read: Stamped = { at, type: 'facts-read', host: 'a', facts: fixtureFacts('debian-12-intel') };
  const stopped = { failure: { code: 'interrupted', host: 'a', thing: 't', message: 'm' } };

  it('names hosts that ended silent in their places, and were not heard of since', () => {
    expect([...lostIn([ends('lost')])]).toEqual(['a']);
    expect([...lostIn([ends('unreachable', { holdsSlot: true })])]).toEqual(['a']);
    // Stopped before it could be asked.
    expect([...lostIn([ends('lost'), ends('skipped', stopped)])]).toEqual(['a']);
    expect([...lostIn([ends('lost'), read])]).toEqual([]);
    expect([...lostIn([ends('lost'), ends('failed')])]).toEqual([]);
    expect([...lostIn([ends('unreachable')])]).toEqual([]);
  });
});

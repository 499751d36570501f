import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBus } from '../../src/events/bus.ts';
import type { Intent, Notice, Stamped } from '../../src/events/event.ts';
import { journalOn } from '../../src/events/journal.ts';
import { MemoryFile } from './memory-file.ts';

const noon = (): Date => new Date('2026-11-23T12:00:00Z');
const warning = (text: string): Notice => ({ type: 'warning', host: null, text });
const started = (host: string): Intent => ({ type: 'host-started', host });

function textOf(event: Stamped): string {
  return event.type === 'warning' ? event.text : event.type;
}

describe('bus', () => {
  it('tells every subscriber every event, in order, before emit returns, with the time', () => {
    const bus = createBus({ now: noon });
    const heard: string[] = [];
    bus.subscribe((event) => heard.push(`a ${textOf(event)} ${event.at}`));
    bus.subscribe((event) => heard.push(`b ${textOf(event)} ${event.at}`));
    bus.emit(warning('one'));
    expect(heard).toEqual(['a one 2026-11-23T12:00:00.000Z', 'b one 2026-11-23T12:00:00.000Z']);
  });

  it('goes on after a subscriber that throws, and tells of it at close', async () => {
    const bus = createBus({ now: noon });
    const heard: string[] = [];
    bus.subscribe((event) => {
      heard.push(`bad ${textOf(event)}`);
      throw new Error(`cannot draw ${textOf(event)}`);
    });
    bus.subscribe((event) => heard.push(textOf(event)));
    bus.emit(warning('one'));
    await bus.intend(started('node01'));
    expect(heard).toEqual(['bad one', 'one', 'bad host-started', 'host-started']);
    await expect(bus.close()).rejects.toMatchObject({
      code: 'bug',
      message: expect.stringContaining('cannot draw one'),
    });
  });

  it('shows all subscribers the order of the journal, also when one of them emits', async () => {
    const file = new MemoryFile();
    const bus = createBus({ now: noon, journal: journalOn(file, 'j') });
    const late: string[] = [];
    bus.subscribe((event) => {
      if (textOf(event) === 'one') bus.emit(warning('answer'));
    });
    bus.subscribe((event) => late.push(textOf(event)));
    bus.emit(warning('one'));
    bus.emit(warning('two'));
    await bus.close();
    expect(late).toEqual(['one', 'answer', 'two']);
    expect(file.events().map(textOf)).toEqual(late);
  });

  it('no longer tells a subscriber that left', () => {
    const bus = createBus({ now: noon });
    const heard: string[] = [];
    const leave = bus.subscribe((event) => heard.push(textOf(event)));
    bus.emit(warning('one'));
    leave();
    bus.emit(warning('two'));
    expect(heard).toEqual(['one']);
  });

  it('resolves an intent only when its line is on disk', async () => {
    const file = new MemoryFile();
    const bus = createBus({ now: noon, journal: journalOn(file, 'j') });
    const open = file.holdSyncs();
    let resolved = false;
    const intent = bus.intend(started('node01')).then(() => {
      resolved = true;
    });
    await file.syncAsked();
    expect(file.text).toContain('node01');
    expect(resolved).toBe(false);
    open();
    await intent;
    expect(file.synced).toContain('node01');
  });

  it('lets all intents that wait share one fsync', async () => {
    const file = new MemoryFile();
    const bus = createBus({ now: noon, journal: journalOn(file, 'j') });
    const hosts = Array.from({ length: 200 }, (_, index) => `node${index}`);
    await Promise.all(hosts.map((host) => bus.intend(started(host))));
    expect(file.syncs).toBe(1);

    // Those that come while an fsync runs share the next one.
    const open = file.holdSyncs();
    const first = bus.intend(started('early'));
    await file.syncAsked();
    const rest = Promise.all(hosts.map((host) => bus.intend(started(host))));
    open();
    await Promise.all([first, rest]);
    expect(file.syncs).toBe(3);
    expect(file.events()).toHaveLength(401);
  });

  it('writes notices without an fsync, and syncs them at close', async () => {
    const file = new MemoryFile();
    const bus = createBus({ now: noon, journal: journalOn(file, 'j') });
    bus.emit(warning('one'));
    await file.written('one');
    expect(file.syncs).toBe(0);
    await bus.close();
    expect(file.synced).toContain('one');
    expect(file.closed).toBe(true);
  });

  it('keeps the order of emits and intents, however they are mixed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 40 }), async (kinds) => {
        const file = new MemoryFile();
        const bus = createBus({ now: noon, journal: journalOn(file, 'j') });
        const heard: Stamped[] = [];
        bus.subscribe((event) => heard.push(event));
        const intents: Promise<void>[] = [];
        for (const [index, intent] of kinds.entries()) {
          if (intent) intents.push(bus.intend(started(`node${index}`)));
          else bus.emit(warning(`${index}`));
          if (index % 7 === 3) await Promise.all(intents);
        }
        await bus.close();
        expect(file.events()).toEqual(heard);
        expect(heard).toHaveLength(kinds.length);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses every intent once the disk is full, and says so again at close', async () => {
    const file = new MemoryFile({ capacity: 100 });
    const bus = createBus({ now: noon, journal: journalOn(file, 'runs/x/journal.jsonl') });
    const heard: string[] = [];
    bus.subscribe((event) => heard.push(event.type));
    await bus.intend(started('node01'));
    const full = {
      code: 'journal.write',
      message: expect.stringMatching(/journal\.jsonl: .*no space left.*free space/),
    };
    await expect(bus.intend(started('node02'))).rejects.toMatchObject(full);
    file.capacity = 10_000;
    await expect(bus.intend(started('node03'))).rejects.toMatchObject(full);
    bus.emit({ type: 'host-ended', host: 'node01', state: 'ok', writes: 0, reboots: 0 });
    expect(heard.at(-1)).toBe('host-ended');
    await expect(bus.close()).rejects.toMatchObject(full);
    expect(file.closed).toBe(true);
    expect(file.text.length).toBeLessThanOrEqual(100);
  });

  it('refuses intents after a failed fsync, even if the next one would work', async () => {
    const file = new MemoryFile();
    const bus = createBus({ now: noon, journal: journalOn(file, 'j') });
    file.failSync = true;
    await expect(bus.intend(started('node01'))).rejects.toMatchObject({ code: 'journal.write' });
    file.failSync = false;
    await expect(bus.intend(started('node02'))).rejects.toMatchObject({ code: 'journal.write' });
    await expect(bus.close()).rejects.toMatchObject({ code: 'journal.write' });
  });

  it('refuses an intent that cannot be recorded at all', async () => {
    const bus = createBus({ now: noon, journal: journalOn(new MemoryFile(), 'j') });
    const endless: unknown[] = [];
    endless.push(endless);
    const intent = { type: 'write-intent', host: 'node01', changes: endless } as unknown as Intent;
    await expect(bus.intend(intent)).rejects.toThrow(/circular/i);
    await bus.close();
  });

  it('takes nothing after close', async () => {
    const bus = createBus({ now: noon });
    await bus.close();
    expect(() => bus.emit(warning('late'))).toThrow(/after the bus was closed/);
    await expect(bus.intend(started('late'))).rejects.toThrow(/after the bus was closed/);
  });

  it('refuses an intent that is emitted past its type', () => {
    const bus = createBus({ now: noon });
    expect(() => bus.emit(started('node01') as unknown as Notice)).toThrow(/intend/);
  });
});

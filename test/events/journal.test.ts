import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Stamped } from '../../src/events/event.ts';
import { continueJournal, journalOn, openJournal } from '../../src/events/journal.ts';
import { readJournal } from '../../src/events/read-journal.ts';
import { runFolder } from '../../src/events/run-folder.ts';

const at = '2026-11-23T03:50:00.000Z';
const header = '{"v":2,"document":"vfleet journal"}\n';
const event = (text: string): Stamped => ({ at, type: 'warning', host: null, text });
const line = (text: string): string => `${JSON.stringify(event(text))}\n`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vfleet-journal-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function stored(content: string | Uint8Array): Promise<string> {
  const path = join(folder, 'journal.jsonl');
  await writeFile(path, content);
  return path;
}

describe('openJournal', () => {
  it('keeps others out: folders 0700, file 0600', async () => {
    const run = join(folder, 'vfleet', 'runs', 'one');
    const journal = await openJournal(run);
    await journal.close();
    const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
    expect(await Promise.all([join(folder, 'vfleet'), run, journal.path].map(mode))).toEqual([0o700, 0o700, 0o600]);
    expect(await readFile(journal.path, 'utf8')).toBe(header);
  });

  it('never writes into the journal of another run', async () => {
    await (await openJournal(folder)).close();
    await expect(openJournal(folder)).rejects.toMatchObject({ code: 'journal.exists' });
  });

  it('explains a folder that cannot be made', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(openJournal(join(folder, 'file', 'run'))).rejects.toMatchObject({
      code: 'journal.open',
      message: expect.stringMatching(
        /journal\.jsonl: expected a journal that can be written, found ENOTDIR.*XDG_STATE_HOME/,
      ),
    });
  });

  it('reads back what was appended, whatever the texts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { maxLength: 20 }), fc.uuid(), async (texts, run) => {
        const journal = await openJournal(join(folder, run));
        const events = ['\u2028 \n \r', ...texts].map(event);
        for (const one of events) journal.append(one);
        await journal.sync();
        expect(await readJournal(journal.path)).toMatchObject({ events, torn: false });
        await journal.close();
      }),
      { numRuns: 20 },
    );
  });

  it.skipIf(!existsSync('/dev/full'))('stops on a disk that is really full', async () => {
    const file = await open('/dev/full', 'a');
    const journal = journalOn(file, '/dev/full');
    journal.append(event('one'));
    await expect(journal.sync()).rejects.toMatchObject({
      code: 'journal.write',
      parts: { found: expect.stringContaining('ENOSPC'), next: expect.stringContaining('free space') },
    });
    await expect(journal.close()).rejects.toMatchObject({ code: 'journal.write' });
  });
});

describe('readJournal', () => {
  it('reads a journal cut off at any byte up to its last whole line', async () => {
    const whole = Buffer.from(header + line('eins') + line('zw\u00f6lf') + line('drei'));
    const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([index]) => index);
    for (let length = 0; length <= whole.length; length += 1) {
      const path = await stored(whole.subarray(0, length));
      const { events, torn } = await readJournal(path);
      // A line that lacks nothing but its line end is whole.
      const lines = ends.filter((end) => end <= length).length;
      expect(events).toHaveLength(Math.max(0, lines - 1));
      expect(torn).toBe(!ends.includes(length) && !ends.includes(length - 1));
    }
  });

  it('takes the zeros that a power cut leaves at the end for a torn line', async () => {
    const path = await stored(header + line('one') + '\0'.repeat(512));
    expect(await readJournal(path)).toMatchObject({ events: [event('one')], torn: true });
  });

  it.each([
    ['half a line in the middle', `${header}${line('one')}{"at":"20\n${line('two')}`, ':3'],
    ['an unreadable last line that is ended', `${header}${line('one')}nonsense\n`, ':3'],
    ['an event of no known type', `${header}{"at":"${at}","type":"toString"}\n`, ':2'],
    ['an event that lacks a key', `${header}{"at":"${at}","type":"host-ended","host":"a"}\n`, ':2'],
    ['an event with no time', `${header}{"at":"now","type":"warning","text":"x"}\n`, ':2'],
    ['an empty line', `${header}\n${line('one')}`, ':2'],
    ['something else', 'hello\n', ':1'],
    ['a journal without a header', line('one'), ':1'],
  ])('names the line of %s', async (_, content, position) => {
    const path = await stored(content);
    await expect(readJournal(path)).rejects.toMatchObject({
      code: 'journal.unreadable',
      parts: { thing: path + position },
    });
  });

  it('names a line that is not UTF-8', async () => {
    const path = await stored(Buffer.concat([Buffer.from(header), Buffer.from('{"type":"\xff"}\n', 'latin1')]));
    await expect(readJournal(path)).rejects.toMatchObject({
      code: 'journal.unreadable',
      parts: { thing: `${path}:2` },
    });
  });

  it('refuses the journal of a newer vfleet, even one it could half read', async () => {
    const path = await stored(`{"v":3,"document":"vfleet journal"}\n${line('one')}`);
    await expect(readJournal(path)).rejects.toMatchObject({
      code: 'journal.newer',
      message: expect.stringContaining('version 3'),
    });
  });

  it('explains a journal that is not there', async () => {
    await expect(readJournal(join(folder, 'none'))).rejects.toMatchObject({ code: 'journal.open' });
  });
});

describe('continueJournal', () => {
  it('goes on after a journal that was cut off at any byte, on a line of its own', async () => {
    const whole = Buffer.from(header + line('eins') + line('zw\u00f6lf'));
    for (let length = header.length - 1; length <= whole.length; length += 4) {
      const path = await stored(whole.subarray(0, length));
      const before = (await readJournal(path)).events;
      const { journal, content } = await continueJournal(folder);
      expect(content.events).toEqual(before);
      journal.append(event('later'));
      await journal.close();
      expect(await readJournal(path)).toMatchObject({ events: [...before, event('later')], torn: false });
    }
  });

  it('touches no journal that it cannot read', async () => {
    const content = `${header}nonsense\n${line('one')}{"torn`;
    const path = await stored(content);
    await expect(continueJournal(folder)).rejects.toMatchObject({ code: 'journal.unreadable' });
    expect(await readFile(path, 'utf8')).toBe(content);
  });

  it('reads a journal of the version before', async () => {
    const path = await stored(`{"v":1,"document":"vfleet journal"}\n${line('one')}`);
    expect(await readJournal(path)).toMatchObject({ events: [event('one')] });
  });
});

describe('runFolder', () => {
  it('names a run by its time, to the second, and by four digits for the rest of it', () => {
    const at = (time: string, random: number): string => runFolder('/s/vfleet', new Date(time), () => random);
    expect(at('2026-11-23T03:50:00.123Z', 0.5)).toBe('/s/vfleet/runs/2026-11-23T03-50-00Z-1f9c');
    expect(at('2026-11-23T03:50:00.000Z', 0)).toMatch(/Z-0000$/);
    expect(at('2026-11-23T03:50:00.999Z', 1 - Number.EPSILON / 2)).toMatch(/Z-fffe$/);
  });

  it('names runs so that they sort by time, also within one second', () => {
    const names = [0, 1, 7, 500, 998, 999].map((ms) => {
      const random = ms % 2 === 0 ? 0.999 : 0;
      return runFolder('/s', new Date(Date.UTC(2026, 10, 23, 3, 50, 0, ms)), () => random);
    });
    expect([...names].sort()).toEqual(names);
    expect(new Set(names).size).toBe(names.length);
  });
});

import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withLock } from '../../../src/lab/vm/lab-lock.ts';
import { thisProcess } from '../../../src/lock/owner.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

/** A process that began at another time than any with this id that lives now. */
const dead = { ...thisProcess(), pid: process.ppid, started: 'never' };

describe("a lab's lock", () => {
  it('refuses a second taker with the id of the first, and is free again after it', async () => {
    const folder = temporaryFolder('lock');
    const result = await withLock(folder, async () => {
      await expect(withLock(folder, async () => 'both')).rejects.toMatchObject({
        code: 'lab.vm-busy',
        message: expect.stringContaining(`found process ${process.pid}; next: wait for its end`),
      });
      return 'first';
    });
    expect(result).toBe('first');
    expect(await withLock(folder, async () => 'second')).toBe('second');
  });

  it('is free again after work that failed', async () => {
    const folder = temporaryFolder('lock');
    await expect(withLock(folder, async () => Promise.reject(new Error('work')))).rejects.toThrow('work');
    expect(await withLock(folder, async () => 'next')).toBe('next');
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    ['a process that has ended', JSON.stringify(dead)],
    ['a boot before this one', JSON.stringify({ ...thisProcess(), boot: 'another' })],
    ['nobody', 'cut off {'],
  ])('of %s is taken over', async (_, text) => {
    const folder = temporaryFolder('lock');
    await writeFile(join(folder, 'lock.json'), text);
    expect(await withLock(folder, async () => 'mine')).toBe('mine');
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    ['is free', null],
    ['is of a dead process', JSON.stringify(dead)],
  ])('has one holder at a time when many want it and it %s', async (_, text) => {
    for (let round = 0; round < 10; round++) {
      const folder = temporaryFolder('lock');
      if (text !== null) await writeFile(join(folder, 'lock.json'), text);
      let holders = 0;
      let most = 0;
      const linger = async (steps: number): Promise<void> => {
        for (let step = 0; step < steps; step++) await stat(folder);
      };
      const work = async (): Promise<void> => {
        most = Math.max(most, ++holders);
        await linger(20);
        holders--;
      };
      // Each comes a step after the one before: what one does, the next finds half done.
      const takers = Array.from({ length: 12 }, (_, index) => linger(index).then(() => withLock(folder, work)));
      const results = await Promise.allSettled(takers);
      expect(most).toBe(1);
      expect(results.some(({ status }) => status === 'fulfilled')).toBe(true);
    }
  });

  it('that was being taken over by a process that then died is told with its remedy', async () => {
    const folder = temporaryFolder('lock');
    for (const name of ['lock.json', 'lock.json.takeover']) await writeFile(join(folder, name), JSON.stringify(dead));
    await expect(withLock(folder, async () => 'mine')).rejects.toMatchObject({
      code: 'lab.vm-busy',
      parts: { next: `rm ${folder}/lock.json.takeover` },
    });
    expect((await readdir(folder)).sort()).toEqual(['lock.json', 'lock.json.takeover']);
  });

  it('makes the folder, for its user alone', async () => {
    const folder = join(temporaryFolder('lock'), 'new', 'lab');
    await withLock(folder, async () => {
      expect(await readdir(folder)).toEqual(['lock.json']);
    });
  });
});

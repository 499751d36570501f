import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { beginRun, lockFile, reopenRun } from '../../src/events/open-run.ts';
import { thisProcess } from '../../src/lock/owner.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** A process that began at another time than any with this id that lives now. */
const dead = { ...thisProcess(), pid: process.ppid, started: 'never' };

async function endedRun(): Promise<string> {
  const folder = join(temporaryFolder('run'), 'one');
  const run = await beginRun(folder);
  await run.journal.close();
  await run.release();
  return folder;
}

it('a run is of one process at a time, and of the next when that has ended', async () => {
  const folder = join(temporaryFolder('run'), 'one');
  const first = await beginRun(folder);
  await expect(reopenRun(folder)).rejects.toMatchObject({
    code: 'run.busy',
    message: expect.stringContaining(`found process ${process.pid}`),
  });
  await first.journal.close();
  await first.release();
  const second = await reopenRun(folder);
  await second.journal.close();
  await second.release();
  expect(await readdir(folder)).toEqual(['journal.jsonl']);
});

it('a run whose process was killed is taken over', async () => {
  const folder = await endedRun();
  await writeFile(lockFile(folder), JSON.stringify(dead));
  const run = await reopenRun(folder);
  expect(JSON.parse(await readFile(lockFile(folder), 'utf8'))).toMatchObject({ pid: process.pid });
  await run.journal.close();
  await run.release();
});

it('a run of another machine is left to it: nobody here knows whether that process lives', async () => {
  const folder = await endedRun();
  await writeFile(lockFile(folder), JSON.stringify({ ...dead, boot: 'another', machine: 'elsewhere' }));
  await expect(reopenRun(folder)).rejects.toMatchObject({
    code: 'run.busy',
    parts: { found: `process ${dead.pid} on elsewhere`, next: expect.stringContaining(`rm ${lockFile(folder)}`) },
  });
});

it('a journal that cannot be read leaves the run free', async () => {
  const folder = await endedRun();
  await writeFile(join(folder, 'journal.jsonl'), 'hello\n');
  await expect(reopenRun(folder)).rejects.toMatchObject({ code: 'journal.unreadable' });
  expect(await readdir(folder)).toEqual(['journal.jsonl']);
});

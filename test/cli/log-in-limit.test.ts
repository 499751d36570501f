import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Stamped } from '../../src/events/event.ts';
import { readJournal } from '../../src/events/read-journal.ts';
import { motd, type Racks, runFolders, startRacks } from './racks.ts';

// How many log in at once is counted in test/host/limits.test.ts; all hosts begin with it at the same time here, and say so.
vi.setConfig({ testTimeout: 240_000 });

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks(['n1', 'n2', 'n3', 'n4'].map((name) => ({ name })));
  await racks.write('motd.ts', motd);
  const inventory = await readFile(racks.lab.inventoryPath, 'utf8');
  await racks.write('sparing.yaml', inventory.replace(/^all:\n/, 'all:\n  rollout: { maxConnecting: 1 }\n'));
}, 240_000);
afterAll(() => racks?.stop());

const isWait = (event: Stamped): boolean => event.type === 'progress' && event.line.startsWith('waiting to log in: 1 ');

/** Of each run since so many: its command, and whether hosts have waited to log in. */
async function waitedSince(runs: number): Promise<readonly (readonly [string, boolean])[]> {
  const journals = (await runFolders(racks)).slice(runs).map((folder) => path.join(folder, 'journal.jsonl'));
  const read = await Promise.all(journals.map(readJournal));
  return read.flatMap(({ events }) => {
    const started = events.find((event) => event.type === 'run-started');
    return started === undefined ? [] : [[started.command, events.some(isWait)] as const];
  });
}

const count = async (): Promise<number> => (await runFolders(racks)).length;

describe('no more hosts log in at once than may', () => {
  it.each([
    ['a plan', ['plan', 'motd.ts', '--max-connecting', '1'], ['plan']],
    [
      'both passes of an apply that checks first',
      ['apply', 'motd.ts', '--yes', '--check-first', '--max-connecting', '1', '--per-rack', '4'],
      ['plan', 'apply'],
    ],
    ['a verify, by the inventory', ['verify', 'motd.ts', '-i', 'sparing.yaml'], ['verify']],
    ['facts', ['facts', '-i', 'sparing.yaml'], ['facts']],
    ['an undo', ['undo', 'motd.ts', '--yes', '-i', 'sparing.yaml'], ['undo']],
  ])('of %s', async (_, args, commands) => {
    const before = await count();
    await racks.vfleet(...args);
    expect(await waitedSince(before)).toEqual(commands.map((command) => [command, true]));
  });

  const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
  it.skipIf(!hasScript)(
    `of the plan that is asked about${hasScript ? '' : ' (SKIPPED: script of util-linux is not here)'}`,
    async () => {
      const before = await count();
      const run = await racks.start(['apply', 'motd.ts', '--max-connecting', '1', '--no-color'], { terminal: true });
      await run.said(/\[y\/N\] /, 'stdout');
      run.type('n\n');
      expect((await run.ended).code).toBe(3);
      expect(await waitedSince(before)).toEqual([['plan', true]]);
    },
  );
});

it('as many as are in flight log in at once where nobody says how many', async () => {
  const before = await count();
  await racks.vfleet('plan', 'motd.ts');
  expect(await waitedSince(before)).toEqual([['plan', false]]);
});

import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { motd, type Racks, readOn, replaceOn, startRacks } from './racks.ts';

// Programs are waited for, however long they take on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const names = ['m1', 'm2'];

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks(names.map((name) => ({ name })));
  await racks.write('motd.ts', motd);
  const inventory = await readFile(racks.lab.inventoryPath, 'utf8');
  await racks.write('careful.yaml', inventory.replace(/^all:\n/, 'all:\n  rollout: { confirmAbove: 1 }\n'));
}, 240_000);
afterAll(() => racks?.stop());

/** Replaces a file on both hosts; gives the run. */
async function applied(): Promise<string> {
  for (const name of names) await replaceOn(racks.lab.node(name), 'etc/motd', 'before\n');
  const { code, stdout } = await racks.vfleet('apply', 'motd.ts', '--yes', '--json');
  expect(code).toBe(0);
  return JSON.parse(stdout).run;
}

/** Answers the question of a command at a terminal; gives the exit code, and what is on the first host then. */
async function answering(args: readonly string[], question: RegExp, answer: string) {
  const run = await racks.start([...args, '-i', 'careful.yaml', '--no-color'], { terminal: true });
  await run.said(/Type the number of hosts to change: |\[y\/N\] /, 'stdout');
  expect(run.seen.stdout).toMatch(question);
  run.type(answer);
  const { code } = await run.ended;
  return [code, await readOn(racks.lab.node('m1'), 'etc/motd')] as const;
}

// The `script` of util-linux gives it a terminal of its own.
const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;

describe.skipIf(!hasScript)(`at a terminal${hasScript ? '' : ' (SKIPPED: script of util-linux is not here)'}`, () => {
  it('of many hosts to undo the number is to be typed', async () => {
    await applied();
    const question = /Undo it on 2 hosts\? Type the number of hosts to change: /;
    expect(await answering(['undo', 'motd.ts'], question, 'y\n')).toEqual([3, 'Welcome to m1\n']);
    expect(await answering(['undo', 'motd.ts'], question, '2\n')).toEqual([0, 'before\n']);
  });

  it('of many hosts to restore the number is to be typed, unless it was given', async () => {
    const run = await applied();
    const question = /Restore these files on 2 hosts\? Type the number of hosts to change: /;
    expect(await answering(['restore', run], question, 'y\n')).toEqual([3, 'Welcome to m1\n']);
    const expected = ['restore', run, '--expect-hosts', '2'];
    expect(await answering(expected, /Restore these files on 2 hosts\? \[y\/N\] /, 'y\n')).toEqual([0, 'before\n']);
  });
});

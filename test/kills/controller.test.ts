import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomFrom } from '../../src/lab/random.ts';
import type { Started } from '../cli/program.ts';
import { type Racks, readOn, startRacks } from '../cli/racks.ts';

const seed = process.env['VFLEET_KILLS_SEED'] ?? 'vfleet';
const all = process.env['VFLEET_KILLS_ALL'] === 'yes';

/** How often the controller is killed, over all rollouts. */
const kills = all ? 50 : 6;
/** How often within one rollout: then it may come to its end, and another one begins. */
const perRollout = all ? 10 : 6;
/** Lines that a journal may have more before a kill: so many kills reach from the first to the last host of a rollout. */
const furthest = 300;

let racks: Racks;
beforeAll(async () => {
  const names = ['a', 'b', 'c', 'd'].flatMap((rack) =>
    Array.from({ length: 10 }, (_, index) => ({ name: `${rack}${index + 1}`, rack })),
  );
  racks = await startRacks(names);
}, 600_000);
afterAll(() => racks?.stop());

it(`a rollout over 40 nodes ends with one reboot of each, however often its controller is killed (${kills} kills)`, async () => {
  const chance = randomFrom(seed);
  let killed = 0;
  for (let round = 0; killed < kills; round += 1) {
    const before = new Map(racks.lab.nodes.map((node) => [node.name, node.counters.reboots]));
    const playbook = await racks.write(`round-${round}.ts`, playbookOf(round));
    let words: readonly string[] = ['apply', playbook, '--yes', '--json', '--per-rack', '3', '-p', '12'];
    for (let kill = 0; kill < perRollout && killed < kills; kill += 1) {
      const run = await racks.start(words);
      const lines = Math.floor(chance() * furthest);
      if (!(await killAfter(run, lines))) break;
      killed += 1;
      console.log(
        `controller: kill ${killed}, ${lines} lines into part ${kill + 1} of rollout ${round} (seed ${seed})`,
      );
      words = ['resume', '--json'];
    }
    await judge(round, await endOf(words), before, playbook);
  }
}, 3_600_000);

/** The last part; a controller that was killed right after its last host leaves nothing to do. */
async function endOf(words: readonly string[]): Promise<string> {
  const { stdout, stderr, code } = await racks.vfleet(...words);
  const isOver = code !== 0 && /all have ended well|expected a run that is not finished, found none/.test(stderr);
  if (isOver) return (await racks.vfleet('runs', await newest(), '--json')).stdout;
  expect(code, stderr + stdout.slice(0, 2_000)).toBe(0);
  return stdout;
}

async function judge(round: number, report: string, before: ReadonlyMap<string, number>, playbook: string) {
  const where = `rollout ${round}, seed ${seed}`;
  expect(JSON.parse(report).totals, where).toMatchObject({ hosts: 40, ok: 40, notEnded: 0, writes: 40, reboots: 40 });
  for (const node of racks.lab.nodes) {
    expect(await readOn(node, 'proc/cmdline'), `${node.name}, ${where}`).toContain(`vfleet.round=${round}`);
    expect(node.counters.reboots - (before.get(node.name) ?? 0), `reboots of ${node.name}, ${where}`).toBe(1);
  }
  const again = await racks.vfleet('apply', playbook, '--yes', '--json');
  expect(JSON.parse(again.stdout).totals, where).toMatchObject({ ok: 40, writes: 0, reboots: 0 });
}

/** Each rollout wishes for another argument, so that every node is due for a write and a reboot. */
function playbookOf(round: number): string {
  return `import { kernelArguments, playbook } from 'vfleet';
export default playbook({
  name: 'Round',
  async apply(host) {
    await host.ensure(kernelArguments({ 'vfleet.round': '${round}' }));
    await host.settle();
  },
});
`;
}

/** Kills a controller when it has told so much more; `false`: it came to its end before. */
async function killAfter(run: Started, lines: number): Promise<boolean> {
  let over = false;
  const ending = run.ended.then(() => {
    over = true;
  });
  const known = await newest();
  // A new run has a folder of its own a moment after its start; one that is resumed goes on with its journal.
  const isResume = run.child.spawnargs.includes('resume');
  const journal = async (): Promise<string | null> => {
    const name = await newest();
    return isResume || name !== known ? path.join(runs(), name, 'journal.jsonl') : null;
  };
  const from = isResume ? await sizeOf(await journal()) : 0;
  while (!over && (await linesFrom(await journal(), from)) < lines) await delay(10);
  run.signal('SIGKILL');
  await ending;
  return (await run.ended).signal === 'SIGKILL';
}

async function sizeOf(file: string | null): Promise<number> {
  const found = file === null ? null : await stat(file).catch(() => null);
  return found?.size ?? 0;
}

/** How many lines a file has from a place on; -1: there is none yet. */
async function linesFrom(file: string | null, from: number): Promise<number> {
  const size = await sizeOf(file);
  if (file === null || size === 0) return -1;
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(Math.max(1, size - from)), 0, Math.max(0, size - from), from);
    return buffer.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0);
  } finally {
    await handle.close();
  }
}

function runs(): string {
  return path.join(racks.folder, 'state/vfleet/runs');
}

/** The name of the newest run; empty: there is none. */
async function newest(): Promise<string> {
  return (await readdir(runs()).catch(() => [])).sort().at(-1) ?? '';
}

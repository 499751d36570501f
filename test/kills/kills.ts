import { writeFileSync } from 'node:fs';
import path from 'node:path';
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { type Fleet, passthrough, startFleet } from '../e2e/fleet.ts';
import { undo } from '../e2e/undo-steps.ts';
import { type Cut, cutPower, type Deed, type Outcome, runCut, runUncut, type Uncut } from './cut.ts';
import type { Loss } from './disk-history.ts';
import { readDisk } from './disk-image.ts';
import { layWrappers } from './wrappers.ts';

const seed = process.env['VFLEET_KILLS_SEED'] ?? 'vfleet';
const all = process.env['VFLEET_KILLS_ALL'] === 'yes';
/** The one moment to be tried, in every way. */
const at = process.env['VFLEET_KILLS_AT'];

/** Nodes that are cut side by side: waiting is most of it. */
const side = 4;

/** Milliseconds until a run gives up a node that does not boot, and seconds for a log-in: only there to end a hang. */
const deadline = 300_000;
const connectTimeout = 120;

/** Cuts that went wrong after which no more is learned. */
const enough = 5;

/** What is cut, and when. */
interface Rows {
  /** Nothing of it is run without `--all`. */
  readonly onlyWithAll?: boolean;
  /** Its undo is cut without `--all` too. */
  readonly undo?: boolean;
  /** No initramfs is due, only kernel arguments are. */
  readonly onlyArguments?: boolean;
}

const argumentsPlaybook = `import { kernelArguments, playbook } from 'vfleet';
export default playbook({
  name: 'PCI passthrough',
  async apply(host) {
    await host.ensure(kernelArguments({ iommu: 'pt' }));
    await host.settle();
  },
});
`;

/** Cuts the power of nodes of one kind at every write of an apply, with `--all` of its undo too, and judges what comes. */
export function killsOf(kind: string, options: Rows = {}): void {
  const name = options.onlyArguments ? `${kind}, arguments alone` : kind;
  describe.runIf(all || !options.onlyWithAll)(`a node of kind ${name}`, () => {
    let fleet: Fleet;
    let nodes: readonly LabNode[];
    let applied: Uncut;
    let playbook = passthrough;
    const apply: Deed = async (node) =>
      (await fleet.one('apply', node.name, { playbook, args: { connectTimeout }, reboot: { deadline } })).host;
    const takeBack: Deed = async (node) => (await undo(fleet, node, { connectTimeout })).host;
    beforeAll(async () => {
      fleet = await startFleet(Array.from({ length: side }, (_, index) => ({ name: `n${index}`, kind })));
      nodes = fleet.lab.nodes;
      if (options.onlyArguments) {
        playbook = path.join(fleet.folder, 'arguments.ts');
        writeFileSync(playbook, argumentsPlaybook);
      }
      for (const node of nodes) layWrappers(node.root);
      const node = firstOf(nodes);
      // What was to be booted once only is over: the disk of the beginning boots as it will after a cut.
      await cutPower(node, readDisk(node.root));
      applied = await runUncut(apply, node);
    });
    afterAll(() => fleet?.stop());

    it('boots, and the next apply ends the work, at whatever write of an apply its power is cut', async () => {
      await judge(`apply on ${name}`, apply, nodes, applied);
    });

    it.runIf(all || options.undo)(
      'boots, and the next undo ends the work, at whatever write of an undo its power is cut',
      async () => {
        const node = firstOf(nodes);
        await cutPower(node, applied.after);
        const undone = await runUncut(takeBack, node);
        await judge(`undo on ${name}`, takeBack, nodes, { ...undone, lines: applied.lines });
      },
    );
  });
}

function firstOf(nodes: readonly LabNode[]): LabNode {
  const [first] = nodes;
  if (first === undefined) throw new Error('no node');
  return first;
}

async function judge(name: string, deed: Deed, nodes: readonly LabNode[], uncut: Uncut): Promise<void> {
  const outcomes = await cutAll(deed, nodes, uncut);
  console.log(summaryOf(name, uncut, outcomes));
  expect(outcomes.flatMap(linesOf)).toEqual([]);
}

/** Every cut that is planned, then more until one comes too late: a run may have more moments than the one before. */
async function cutAll(deed: Deed, nodes: readonly LabNode[], uncut: Uncut): Promise<readonly Outcome[]> {
  const free = [...nodes];
  const outcomes: Outcome[] = [];
  const isOver = (): boolean => outcomes.filter(({ problems }) => problems.length > 0).length >= enough;
  const run = async (cut: Cut): Promise<void> => {
    const node = free.pop();
    if (node === undefined || isOver()) return;
    const outcome = await runCut(deed, node, uncut, cut);
    free.push(node);
    outcomes.push(outcome);
    for (const line of linesOf(outcome)) console.log(line);
  };
  const limit = pLimit(nodes.length);
  await Promise.all(plan(uncut).map((cut) => limit(run, cut)));
  const isTooLate = (): boolean =>
    outcomes.some(({ cut, moment }) => moment === null && cut.number >= uncut.moments.length);
  for (let number = uncut.moments.length; at === undefined && !isTooLate() && !isOver(); number += 1)
    await run({ number, loss: 'nothing', seed });
  return outcomes;
}

/**
 * At every moment one cut: where something was not safe, in turns one that takes nothing of it and one by chance; and one
 * that takes everything where that leaves another disk than those before. Of moments that differ by files beside others alone
 * only the last has more than that one. All of them: each moment in every way, and by chance several times.
 */
function plan({ moments }: Uncut): readonly Cut[] {
  if (at !== undefined) return everyWay(Number(at));
  const tried = new Set<string>();
  const cuts = moments.flatMap(({ number, safe, lasting }, index): readonly Cut[] => {
    const isNew = safe !== null && !tried.has(safe);
    if (safe !== null) tried.add(safe);
    if (all) return safe === null ? [{ number, loss: 'nothing', seed }] : everyWay(number);
    const inTurn: Loss = safe !== null && number % 2 === 1 ? 'anything' : 'nothing';
    const isLast = moments[index + 1]?.lasting !== lasting;
    const losses: readonly Loss[] = [...(isNew ? (['everything'] as const) : []), ...(isLast ? [inTurn] : [])];
    return losses.map((loss) => ({ number, loss, seed }));
  });
  // After the run: what it has said to be done stays done.
  return [...cuts, ...everyWay(moments.length).slice(0, 3)];
}

function everyWay(number: number): readonly Cut[] {
  const chances = [seed, `${seed}-2`, `${seed}-3`];
  return [
    { number, loss: 'nothing', seed },
    { number, loss: 'everything', seed },
    ...chances.map((chance) => ({ number, loss: 'anything' as const, seed: chance })),
  ];
}

function linesOf({ cut, moment, problems }: Outcome): readonly string[] {
  const place = moment === null ? 'after the run' : `${moment.number}, before "${moment.command}"`;
  return problems.map(
    (problem) => `cut ${place}, which took ${cut.loss} of what was not synced (seed ${cut.seed}): ${problem}`,
  );
}

function summaryOf(name: string, { moments }: Uncut, outcomes: readonly Outcome[]): string {
  const namesOf = (files: readonly string[]): string => [...new Set(files)].sort().join(', ') || 'none';
  return `${name}: ${moments.length} moments, ${outcomes.length} cuts, seed ${seed}
  files beside others after a cut: ${namesOf(outcomes.flatMap(({ temporary }) => temporary))}
  of which the next runs left: ${namesOf(outcomes.flatMap(({ leftovers }) => leftovers))}`;
}

import type { LabNode } from '../../src/lab/node.ts';
import { randomFrom } from '../../src/lab/random.ts';
import type { HostSummary } from '../../src/report/summary.ts';
import type { Loss } from './disk-history.ts';
import { type DiskImage, readDisk, writeDisk } from './disk-image.ts';
import { commandLine, halfWritten, temporaryFiles, unlikeUncut } from './judge.ts';
import { armSwitch, type Moment } from './switch.ts';

/** The run that is cut, as often as wished. */
export type Deed = (node: LabNode) => Promise<HostSummary>;

/** A run that nothing cut: what a cut one is judged by. */
export interface Uncut {
  readonly before: DiskImage;
  readonly after: DiskImage;
  /** The command lines that the node may come up with. */
  readonly lines: readonly string[];
  readonly reboots: number;
  readonly moments: readonly Moment[];
}

/** Where the power is cut, and what that takes. */
export interface Cut {
  readonly number: number;
  readonly loss: Loss;
  readonly seed: string;
}

/** What a cut came to. */
export interface Outcome {
  readonly cut: Cut;
  /** `null`: the run ended before it came to that; the power was cut afterwards. */
  readonly moment: Moment | null;
  /** What is wrong, for people. */
  readonly problems: readonly string[];
  /** Files beside others that the cut left, and those that were still there when all was done. */
  readonly temporary: readonly string[];
  readonly leftovers: readonly string[];
}

/** Runs once without a cut on a fresh node. */
export async function runUncut(deed: Deed, node: LabNode): Promise<Uncut> {
  const before = readDisk(node.root);
  const lineBefore = commandLine(node);
  const { reboots } = node.counters;
  const armed = await armSwitch(node, null);
  const host = await deed(node);
  armed.release();
  const [problem] = problemsOf('without a cut, it', host);
  if (problem !== undefined) throw new Error(problem);
  return {
    before,
    after: readDisk(node.root),
    lines: [lineBefore, commandLine(node)],
    reboots: node.counters.reboots - reboots,
    moments: armed.moments,
  };
}

/** Runs from the beginning, with the power cut at one moment, and then until there is nothing more to do. */
export async function runCut(deed: Deed, node: LabNode, uncut: Uncut, cut: Cut): Promise<Outcome> {
  await cutPower(node, uncut.before);
  const { reboots } = node.counters;
  const armed = await armSwitch(node, cut.number);
  const running = deed(node);
  // Whatever it comes to is judged below.
  const moment = await Promise.race([armed.reached, running.then(() => null)]);
  if (moment === null) armed.look();
  const image = armed.history.afterCut(cut.loss, randomFrom(`${cut.seed}/${cut.number}`));
  await cutPower(node, image);
  const found = { cut, moment, temporary: temporaryFiles(image, uncut) };
  const problems = [...halfWritten(image, uncut), ...(await bootProblems(node, uncut))];
  armed.release();
  const first = await running;
  if (node.state === 'dead') return { ...found, problems, leftovers: [] };
  const second = await deed(node);
  problems.push(...problemsOf('the next run', second));
  // What a run has said to be done stays done.
  if (moment === null) problems.push(...problemsOf('the run', first), ...idleProblems('the next run', second));
  const extra = node.counters.reboots - reboots - uncut.reboots;
  if (extra > 1) problems.push(`it took ${extra} reboots more than without a cut`);
  const third = await deed(node);
  problems.push(...problemsOf('the run after that', third), ...idleProblems('the run after that', third));
  const end = readDisk(node.root);
  problems.push(...unlikeUncut(end, uncut));
  if (problems.length > 0) problems.push(`the node is ${node.state}, and the run that was cut ended ${endOf(first)}`);
  return { ...found, problems, leftovers: temporaryFiles(end, uncut) };
}

/** Takes the power away, makes the disk what the cut has left of it, and boots from that. */
export async function cutPower(node: LabNode, left: DiskImage): Promise<void> {
  await node.powerCut({ stayOff: true });
  writeDisk(node.root, left);
  await node.powerOn();
}

async function bootProblems(node: LabNode, uncut: Uncut): Promise<readonly string[]> {
  const dead = await node.until('up').then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  if (dead !== null) return [`it does not boot: ${dead}`];
  const line = commandLine(node);
  return uncut.lines.includes(line) ? [] : [`it boots with neither the old command line nor the new one: ${line}`];
}

function problemsOf(run: string, host: HostSummary): readonly string[] {
  return host.state === 'ok' ? [] : [`${run} ended ${endOf(host)}`];
}

function endOf({ state, failure }: HostSummary): string {
  return state === 'ok' ? state : `${state}: ${failure?.message ?? 'no failure named'}`;
}

function idleProblems(run: string, { writes, reboots }: HostSummary): readonly string[] {
  return writes + reboots === 0 ? [] : [`${run} made ${writes} writes and ${reboots} reboots`];
}

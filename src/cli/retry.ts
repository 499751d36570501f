import { basename, join } from 'node:path';
import { VfleetError } from '../errors.ts';
import type { HostState } from '../events/event.ts';
import { readJournal } from '../events/read-journal.ts';
import { runsFolder } from '../events/run-folder.ts';
import { fold } from '../report/fold.ts';
import type { HostSummary } from '../report/summary.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { Environment } from './environment.ts';
import { runPinsOf } from './given.ts';
import { confirmBeginning } from './guard.ts';
import { requireRepeatable } from './repeatable.ts';
import { retried } from './retried.ts';
import { type RolloutArguments, rolloutOf, wishOf } from './rollout.ts';
import { type Run, run } from './run.ts';
import {
  type AgainArguments,
  changesHosts,
  differences,
  loadAgain,
  plansOf,
  returnTo,
  type Started,
  sameAsked,
  shownArguments,
  startOf,
} from './same-work.ts';
import { showRun } from './show.ts';
import { findRun, givenIn } from './stored-run.ts';

/** What `retry` parses. */
export interface RetryArguments extends AgainArguments {
  readonly run: string;
  readonly only?: readonly HostState[] | undefined;
}

/** Runs the same command again on hosts that did not end well: a new run. Gives the exit code. */
export async function retry(args: RetryArguments, environment: Environment): Promise<number> {
  const folder = join(runsFolder(environment.stateHome), await findRun(environment.stateHome, args.run));
  const name = basename(folder);
  const { events } = await readJournal(join(folder, 'journal.jsonl'));
  const given = givenIn(events, folder);
  const started = startOf(events);
  const all = fold(events).hosts;
  requireRepeatable({ command: 'retry', name, started, given, hosts: all });
  const chosen = chosenOf(name, all, args.only);
  const hosts = new Set(chosen.map((host) => host.name));
  const extraVars = returnTo(given, args, `vfleet retry ${name}`);
  const shown = { ...shownArguments(given, args), limit: [[...hosts].join(':')] };
  const full = { ...shown, inventory: given.inventory ?? given.defaultInventory, extraVars };
  const { limit: _, ...wide } = full;
  const { work, gone } = await loadAgain(started, given, wide, hosts, environment);
  refuseGone(name, gone);
  // Whoever mends a playbook to try again wants it as it is now; but what was shown holds only for what it was made of.
  if (given.planned) await refuseChanged(name, started, work, given.pins);
  const again: Run = {
    ...work,
    ...(await plansOf(given, folder, hosts)),
    ...sameAsked(started, given),
    words: given.words,
    ...(started.rollout !== undefined && { rollout: rolloutAgain(work, full) }),
    underWay: new Set(chosen.flatMap((host) => (host.startedAt === null ? [] : [host.name]))),
    args: full,
    environment,
  };
  const beginning = { command: 'retry', hosts: work.fleet.hosts.length, changes: changesHosts(started) } as const;
  await confirmBeginning(beginning, args, wishOf(work, full), environment);
  return showRun(await run(again), started.command, shown, environment);
}

/** Errors: `retry.none`. */
function chosenOf(
  name: string,
  hosts: readonly HostSummary[],
  only: readonly HostState[] = retried,
): readonly HostSummary[] {
  // A host that has not ended is one that somebody may be at work on: `resume` is for those.
  const chosen = hosts.filter(({ state }) => state !== null && only.includes(state));
  if (chosen.length > 0) return chosen;
  const cut = hosts.filter(({ state }) => state === null).length;
  throw new VfleetError({
    code: 'retry.none',
    thing: `run ${name}`,
    expected: `a host that ended as ${only.join(', ')}`,
    found: cut > 0 ? `none; ${cut} have not ended` : 'none',
    next: cut > 0 ? `\`vfleet resume ${name}\` goes on with those` : `look with \`vfleet runs ${name}\``,
  });
}

function refuseGone(name: string, gone: readonly string[]): void {
  if (gone.length === 0) return;
  throw new VfleetError({
    code: 'retry.gone',
    thing: `run ${name}`,
    expected: 'its hosts in the inventory',
    found: `that ${gone.join(', ')} is not there any more`,
    next: 'run the command again for the others',
  });
}

async function refuseChanged(
  name: string,
  { command }: Started,
  work: Parameters<typeof runPinsOf>[0],
  pins: Parameters<typeof differences>[0],
): Promise<void> {
  const found = differences(pins, await runPinsOf(work));
  if (found.length === 0) return;
  throw new VfleetError({
    code: 'retry.changed',
    thing: `run ${name}`,
    expected: 'everything as when its plan was made',
    found: found.join('; '),
    next: `plan again: start \`vfleet ${command}\` anew for these hosts; no host was touched`,
  });
}

/** Shares are of these hosts now. Canaries are for finding out: where none of them is left, nobody goes first. */
function rolloutAgain(work: Parameters<typeof rolloutOf>[0], args: RolloutArguments): Rollout {
  try {
    return rolloutOf(work, args);
  } catch (thrown) {
    if (!(thrown instanceof VfleetError && thrown.code === 'rollout.canary')) throw thrown;
    return rolloutOf(work, { ...args, canary: [] });
  }
}

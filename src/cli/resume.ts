import { basename, join } from 'node:path';
import { VfleetError } from '../errors.ts';
import type { Stamped } from '../events/event.ts';
import type { Given } from '../events/given.ts';
import { type OpenRun, reopenRun } from '../events/open-run.ts';
import { runsFolder } from '../events/run-folder.ts';
import { foldNames } from '../names.ts';
import { fold } from '../report/fold.ts';
import { badHosts, spentBudget } from '../rollout/budget.ts';
import { begunIn, drainedIn, leftOf, lookAgain, lostIn, rebootAskedIn, resumeState } from '../rollout/resume-state.ts';
import { policyOf, type Rollout } from '../rollout/rollout.ts';
import type { RolloutState } from '../rollout/state.ts';
import type { Environment } from './environment.ts';
import { runPinsOf } from './given.ts';
import { confirmBeginning } from './guard.ts';
import { warn } from './output.ts';
import { requireRepeatable } from './repeatable.ts';
import { wishOf } from './rollout.ts';
import { run } from './run.ts';
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
import { findRun, givenIn, partsOf, readRun, runNames } from './stored-run.ts';

/** What `resume` parses. */
export interface ResumeArguments extends AgainArguments {
  readonly maxFailures?: number | undefined;
  readonly retryFailed: boolean;
  readonly anyway: boolean;
}

/** Goes on with a run that its controller did not bring to its end. Gives the exit code. */
export async function resume(args: ResumeArguments, environment: Environment): Promise<number> {
  const { stateHome } = environment;
  const name = args.run === undefined ? await latestUnfinished(stateHome) : await findRun(stateHome, args.run);
  const open = await reopenRun(join(runsFolder(stateHome), name));
  let begun = false;
  try {
    const going = await prepare(open, args, environment);
    begun = true;
    const summary = await run(going.run);
    return showRun(summary, going.run.command, going.shown, environment);
  } finally {
    if (!begun) {
      await open.journal.close();
      await open.release();
    }
  }
}

/** All that can be said against it is said before anything goes on. */
async function prepare(open: OpenRun, args: ResumeArguments, environment: Environment) {
  const { earlier, folder } = open;
  const name = basename(folder);
  const given = givenIn(earlier, folder);
  const started = startOf(earlier);
  requireRepeatable({ command: 'resume', name, started, given, hosts: fold(earlier).hosts });
  const { from, rollout } = whereItStands(name, earlier, started, args);
  const left = new Set(leftOf(from));
  const extraVars = returnTo(given, args, `vfleet resume ${name}`);
  const shown = shownArguments(given, args);
  const { limit: _, ...rest } = shown;
  const full = { ...rest, inventory: given.inventory ?? given.defaultInventory, extraVars };
  const { work, gone } = await loadAgain(started, given, full, left, environment);
  await refuseChanged(name, given, { ...work, gone }, args);
  const standing = withoutGone(from, gone);
  const hosts = startedBy(standing, resumeState(earlier));
  const beginning = { command: 'resume', hosts, changes: changesHosts(started) } as const;
  await confirmBeginning(beginning, args, wishOf(work, full), environment);
  const part = partsOf(earlier) + 1;
  return {
    shown,
    run: {
      ...work,
      ...(await plansOf(given, folder, left)),
      ...sameAsked(started, given),
      rollout,
      underWay: startedIn(earlier),
      rebootAsked: rebootAskedIn(earlier),
      begun: begunIn(earlier),
      // Whoever is told that the cause is gone waits for those that are still on their way.
      lost: args.retryFailed ? new Set<string>() : lostIn(earlier),
      drained: drainedIn(earlier),
      args: full,
      environment,
      resumed: { open, part, from: standing, maxFailures: args.maxFailures },
    },
  };
}

/** Errors: `resume.finished`, `resume.halted`. */
function whereItStands(name: string, events: readonly Stamped[], started: Started, args: ResumeArguments) {
  const raised = events.reduce<number | undefined>(
    (before, event) => (event.type === 'run-resumed' ? (event.maxFailures ?? before) : before),
    undefined,
  );
  const maxFailures = args.maxFailures ?? raised;
  const before = resumeState(events);
  const rollout = started.rollout === undefined ? undefined : withBudget(started.rollout, maxFailures);
  const policy = rollout === undefined ? null : policyOf(rollout);
  const bad = policy === null ? [] : badHosts(before, policy);
  const from = args.retryFailed ? resumeState(events, new Set(bad.length > 0 ? bad : failedIn(before))) : before;
  if (leftOf(from).length === 0) throw finished(name, events);
  const why = policy === null ? null : spentBudget(from, policy);
  const cutOff = [...from.hosts.values()].some(({ kind }) => kind === 'cut-off');
  // Hosts that were at work come to their end first, budget or not.
  if (why !== null && !cutOff) throw halted(name, why, bad);
  // Until they have ended anew they count in the budget as they ended.
  return { from: why === null ? lookAgain(from) : from, rollout };
}

/** A rollout in which so many hosts may end badly, canaries among them. */
function withBudget(rollout: Rollout, maxFailures: number | undefined): Rollout {
  if (maxFailures === undefined) return rollout;
  return { ...rollout, maxFailures, maxCanaryFailures: Math.max(rollout.maxCanaryFailures, maxFailures) };
}

/** Hosts that were begun: what was shown of them may be done in part. */
function startedIn(events: readonly Stamped[]): ReadonlySet<string> {
  return new Set(events.flatMap((event) => (event.type === 'host-started' ? [event.host] : [])));
}

function failedIn({ hosts }: RolloutState): readonly string[] {
  return [...hosts].flatMap(([host, at]) => (at.kind === 'ended' && at.state !== 'ok' ? [host] : []));
}

/**
 * How many hosts are started, those too that ended, keep a place, and are begun with again. Those that were at work go on in any
 * case: nobody leaves them in the middle.
 */
function startedBy(standing: RolloutState, before: RolloutState): number {
  return leftOf(standing).filter((host) => before.hosts.get(host)?.kind !== 'cut-off').length;
}

function withoutGone(from: RolloutState, gone: readonly string[]): RolloutState {
  if (gone.length === 0) return from;
  return { ...from, hosts: new Map([...from.hosts].filter(([host]) => !gone.includes(host))) };
}

async function refuseChanged(
  name: string,
  given: Given,
  work: Parameters<typeof runPinsOf>[0] & { readonly gone: readonly string[] },
  { anyway }: ResumeArguments,
): Promise<void> {
  const { gone } = work;
  const found = [
    ...differences(given.pins, await runPinsOf(work)),
    ...(gone.length === 0 ? [] : [`${foldNames(gone).join(', ')} is not in the inventory any more`]),
  ];
  if (found.length === 0) return;
  if (anyway && work.fleet.hosts.length > 0) {
    for (const one of found) warn(`not as when the run was started: ${one}`);
    return;
  }
  throw new VfleetError({
    code: 'resume.changed',
    thing: `run ${name}`,
    expected: 'everything as when it was started',
    found: found.join('; '),
    next: `\`vfleet resume ${name} --anyway\` goes on all the same; no host was touched`,
  });
}

function finished(name: string, events: readonly Stamped[]): VfleetError {
  const bad = fold(events).hosts.filter(({ state }) => state !== 'ok');
  return new VfleetError({
    code: 'resume.finished',
    thing: `run ${name}`,
    expected: 'a host that has not come to its end',
    found: `none: all have ended${bad.length === 0 ? ' well' : `, ${bad.length} of them not well`}`,
    next: bad.length === 0 ? 'nothing' : `\`vfleet retry ${name}\` runs those again`,
  });
}

function halted(name: string, why: string, bad: readonly string[]): VfleetError {
  return new VfleetError({
    code: 'resume.halted',
    thing: `run ${name}`,
    expected: 'a failure budget that is not spent',
    found: why,
    next:
      `mend the cause, then \`vfleet resume ${name} --retry-failed\` runs those again and goes on, or ` +
      `\`vfleet resume ${name} --max-failures ${bad.length}\` goes on without them; no host was touched`,
  });
}

/** Errors: `resume.none`. */
async function latestUnfinished(stateHome: string): Promise<string> {
  for (const name of await runNames(stateHome)) {
    const { standing, summary } = await readRun(stateHome, name);
    if (summary !== null && changesHosts(summary) && ['crashed', 'interrupted', 'halted'].includes(standing))
      return name;
  }
  throw new VfleetError({
    code: 'resume.none',
    thing: runsFolder(stateHome),
    expected: 'a run that is not finished',
    found: 'none',
    next: 'look with `vfleet runs`, and name one',
  });
}

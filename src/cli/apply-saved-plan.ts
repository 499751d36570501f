import { VfleetError } from '../errors.ts';
import type { HostPlan } from '../events/event.ts';
import { foldNames } from '../names.ts';
import { comparePins, readPlan, type SavedPlan } from '../playbook/plan.ts';
import { type HostSummary, isPending, type Summary } from '../report/summary.ts';
import { type PlannedHost } from '../report/text/plans.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { whyNot } from './apply-playbook.ts';
import { type ApplyArguments, among, confirm, requireAnswer, startApply } from './apply-run.ts';
import type { Environment } from './environment.ts';
import { requireExpected } from './guard.ts';
import { say, warn } from './output.ts';
import { rolloutOf, wishOf, withSaid } from './rollout.ts';
import { run } from './run.ts';
import { showPlan, showSummary } from './show.ts';
import { UsageError } from './usage-error.ts';
import { loadWork, pinsOf, type Work } from './work.ts';

/** Does exactly what a saved plan says, or refuses. Gives the exit code. */
export async function applySavedPlan(args: ApplyArguments, environment: Environment, version: string): Promise<number> {
  const file = args.playbook;
  const plan = await readPlan(file);
  if (args.extraVars !== undefined)
    throw new UsageError('-e: a saved plan has its own variables; plan again with these');
  if (args.adopt && !plan.adopt)
    throw new UsageError('--adopt: this plan was made without it; plan again with --adopt --out FILE');
  requireAnswer(args, environment);
  // What it says of the playbook and the inventory is what a user would give to go on from here.
  const given: ApplyArguments = {
    ...withSaid(args, plan.rollout ?? {}),
    playbook: plan.pins.playbook,
    inventory: args.inventory ?? plan.inventory,
    adopt: plan.adopt,
    ...(plan.extraVars.length > 0 && { extraVars: plan.extraVars }),
  };
  const planned = new Set(plan.hosts.map(({ host }) => host));
  const work = await loadWork(given.playbook, given, environment, planned).catch((thrown: unknown) => {
    throw moved(thrown, file, plan);
  });
  const plans = chosenPlans(file, plan, work, args);
  if (args.limit !== undefined && work.leftOut.length > 0)
    warn(`not in the plan, and so left alone: ${foldNames(work.leftOut).join(', ')}`);
  const chosen = among(work, new Set(plans.map(({ host }) => host)));
  const wish = wishOf(chosen, given);
  requireExpected(plans.length, given, wish);
  const rollout = rolloutOf(chosen, given);
  const varsDigests = Object.fromEntries(plans.map(({ host }) => [host, plan.pins.varsDigests[host] ?? '']));
  comparePins(file, { ...plan.pins, varsDigests }, await pinsOf(chosen, version));
  if (args.checkFirst) {
    const checked = await checkFirst(chosen, plans, rollout, given, environment);
    if (checked.interrupted || checked.halted !== null) return showPlan(checked, given, environment);
  }
  if (!args.yes) await confirm({ hosts: plans.map(asPlanned), plans, rollout, wish }, given, environment);
  const summary = await startApply(chosen, given, environment, rollout, plans);
  const done = appliedEarlier(plans, summary);
  if (done.length > 0)
    say(`this plan was applied already: everything in it is in place on ${foldNames(done).join(', ')}\n`);
  return showSummary(summary, 'apply', given, environment);
}

/** Judges each host, and compares it with its plan, before the first of them is changed. */
function checkFirst(
  work: Work,
  plans: readonly HostPlan[],
  rollout: Rollout,
  args: ApplyArguments,
  environment: Environment,
): Promise<Summary> {
  const expected = new Map(plans.map((plan) => [plan.host, plan]));
  const haltAfter = (hosts: readonly HostSummary[]): string | null => whyNot(hosts, rollout, args);
  return run({ command: 'plan', ...work, args, environment, adopt: args.adopt, rollout, haltAfter, expected });
}

/** Hosts for which the plan had something to do, and on which nothing of it was left. */
function appliedEarlier(plans: readonly HostPlan[], { hosts }: Summary): readonly string[] {
  const changing = new Set(plans.filter(isPending).map(({ host }) => host));
  return hosts
    .filter(({ name, state, writes, settled }) => state === 'ok' && writes + settled.length === 0 && changing.has(name))
    .map(({ name }) => name);
}

/** The plans of the hosts that the inventory has and the limit names. */
function chosenPlans(file: string, plan: SavedPlan, work: Work, args: ApplyArguments): readonly HostPlan[] {
  const known = new Set(work.fleet.inventory.hosts.map(({ name }) => name));
  const selected = new Set(work.fleet.hosts.map(({ name }) => name));
  const gone = plan.hosts.filter(({ host }) => !known.has(host)).map(({ host }) => host);
  if (gone.length > 0 && args.limit === undefined) {
    throw new VfleetError({
      code: 'plan.hosts',
      thing: file,
      expected: 'its hosts in the inventory',
      found: `that ${foldNames(gone).join(', ')} is not there any more`,
      next: 'name the others with -l, or make the plan again; no host was touched',
    });
  }
  const plans = plan.hosts.filter(({ host }) => selected.has(host));
  if (plans.length === 0) {
    throw new VfleetError({
      code: 'plan.no-hosts',
      thing: file,
      expected: `one of its hosts: ${foldNames(plan.hosts.map(({ host }) => host)).join(', ')}`,
      found: `none of them in ${(args.limit ?? ['the inventory']).join(' ')}`,
      next: 'name others with -l, or make a plan of these',
    });
  }
  return plans;
}

/** A path in a plan is as it was given: it holds in the folder where the plan was made. */
function moved(thrown: unknown, file: string, plan: SavedPlan): unknown {
  if (!(thrown instanceof VfleetError) || thrown.code !== 'playbook.missing') return thrown;
  return new VfleetError({
    ...thrown.parts,
    thing: file,
    expected: `its playbook, ${plan.pins.playbook}, as it was named when the plan was made`,
    next: 'apply the plan in the folder where it was made',
  });
}

function asPlanned(plan: HostPlan): PlannedHost {
  return {
    name: plan.host,
    state: 'ok',
    failure: null,
    plan,
    gates: plan.gates,
    checks: [],
    warnings: [],
    leftovers: [],
  };
}

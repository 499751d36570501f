import type { HostState } from '../events/event.ts';
import { foldNames } from '../names.ts';
import { exitCode, exitCodes } from '../report/exit-code.ts';
import type { HostSummary } from '../report/summary.ts';
import { countEnded, type Rollout } from '../rollout/rollout.ts';
import { type ApplyArguments, among, confirm, requireAnswer, startApply } from './apply-run.ts';
import type { Environment } from './environment.ts';
import { requireExpected } from './guard.ts';
import { rolloutOf, wishOf } from './rollout.ts';
import { run } from './run.ts';
import { showPlan, showSummary } from './show.ts';
import { loadWork } from './work.ts';

/** Plans, asks, and does what was shown; with `--yes` does whatever is due. Gives the exit code. */
export async function applyPlaybook(args: ApplyArguments, environment: Environment): Promise<number> {
  requireAnswer(args, environment);
  const work = await loadWork(args.playbook, args, environment);
  const wish = wishOf(work, args);
  requireExpected(work.fleet.hosts.length, args, wish);
  const rollout = rolloutOf(work, args);
  if (args.yes && !args.checkFirst) {
    return showSummary(await startApply(work, args, environment, rollout), 'apply', args, environment);
  }
  const haltAfter = (hosts: readonly HostSummary[]): string | null => whyNot(hosts, rollout, args);
  const planned = await run({ command: 'plan', ...work, args, environment, adopt: args.adopt, rollout, haltAfter });
  const plans = planned.hosts.flatMap((host) => (host.state === 'ok' && host.plan !== null ? [host.plan] : []));
  if (planned.interrupted || planned.halted !== null || plans.length === 0) return showPlan(planned, args, environment);
  if (args.yes) return showSummary(await startApply(work, args, environment, rollout), 'apply', args, environment);
  const rest = countEnded(rollout, endedBadly(planned.hosts)).rollout;
  await confirm({ hosts: planned.hosts, plans, rollout: rest, wish }, args, environment);
  const chosen = among(work, new Set(plans.map((plan) => plan.host)));
  const summary = await startApply(chosen, args, environment, rest, plans);
  const applied = exitCode(summary, 'apply');
  // Hosts that could not be planned were not tried again, but they count.
  const before = exitCode(planned, 'plan');
  const alone = before === exitCodes.pending || summary.halted !== null;
  return showSummary(summary, 'apply', args, environment, alone ? applied : worse(before, applied));
}

/** Why nothing is written anywhere, by what the plan found; `null`: there is no reason. */
export function whyNot(hosts: readonly HostSummary[], rollout: Rollout, args: ApplyArguments): string | null {
  const bad = endedBadly(hosts);
  if (args.checkFirst && bad.size > 0) {
    return `${foldNames([...bad.keys()]).join(', ')} did not pass the check before the first write: nothing was written on any host`;
  }
  // With nobody left to start there is nothing to halt.
  const { spent } = countEnded(rollout, bad);
  return spent === null || bad.size === hosts.length ? null : `${spent}; nothing was written on any host`;
}

function endedBadly(hosts: readonly HostSummary[]): ReadonlyMap<string, HostState> {
  return new Map(
    hosts.flatMap(({ name, state }) => (state === null || state === 'ok' ? [] : [[name, state] as const])),
  );
}

const worstFirst: readonly number[] = [exitCodes.interrupted, exitCodes.usage, exitCodes.failed, exitCodes.refused];

/** The worse of two exit codes. */
export function worse(one: number, other: number): number {
  return worstFirst.find((code) => code === one || code === other) ?? exitCodes.done;
}

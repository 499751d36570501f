import { exitCode, exitCodes } from '../report/exit-code.ts';
import { type ApplyArguments, among, confirm, requireAnswer, startApply } from './apply-run.ts';
import type { Environment } from './environment.ts';
import { run } from './run.ts';
import { showPlan, showSummary } from './show.ts';
import { loadWork } from './work.ts';

/** Plans, asks, and does what was shown; with `--yes` does whatever is due. Gives the exit code. */
export async function applyPlaybook(args: ApplyArguments, environment: Environment): Promise<number> {
  requireAnswer(args, environment);
  const work = await loadWork(args.playbook, args, environment);
  if (args.yes) return showSummary(await startApply(work, args, environment), 'apply', args, environment);
  const planned = await run({ command: 'plan', ...work, args, environment, adopt: args.adopt });
  const plans = planned.hosts.flatMap((host) => (host.state === 'ok' && host.plan !== null ? [host.plan] : []));
  if (planned.interrupted || plans.length === 0) return showPlan(planned, args, environment);
  await confirm(planned.hosts, plans, args, environment);
  const chosen = among(work, new Set(plans.map((plan) => plan.host)));
  const applied = showSummary(await startApply(chosen, args, environment, plans), 'apply', args, environment);
  // Hosts that could not be planned were not tried again, but they count.
  const before = exitCode(planned, 'plan');
  return before === exitCodes.pending ? applied : worse(before, applied);
}

const worstFirst: readonly number[] = [exitCodes.interrupted, exitCodes.usage, exitCodes.failed, exitCodes.refused];

/** The worse of two exit codes. */
export function worse(one: number, other: number): number {
  return worstFirst.find((code) => code === one || code === other) ?? exitCodes.done;
}

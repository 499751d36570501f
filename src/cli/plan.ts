import { checkPlanPath, isSavedPlan, savePlan } from '../playbook/plan.ts';
import type { Summary } from '../report/summary.ts';
import { count } from '../report/text/block.ts';
import type { Environment } from './environment.ts';
import { say } from './output.ts';
import { type RolloutArguments, rolloutOf, saidBy } from './rollout.ts';
import { run } from './run.ts';
import { showPlan } from './show.ts';
import { UsageError } from './usage-error.ts';
import { loadWork, pinsOf } from './work.ts';

/** What `plan` parses. */
export interface PlanArguments extends RolloutArguments {
  readonly playbook: string;
  readonly adopt: boolean;
  readonly out?: string | undefined;
}

/** Plans, shows it, saves it where that is wished for. Gives the exit code. */
export async function plan(args: PlanArguments, environment: Environment, version: string): Promise<number> {
  if (await isSavedPlan(args.playbook))
    throw new UsageError(`${args.playbook}: a saved plan already; do it with: vfleet apply ${args.playbook}`);
  if (args.out !== undefined) await checkPlanPath(args.out);
  const work = await loadWork(args.playbook, args, environment);
  const rollout = rolloutOf(work, args);
  // Before the hosts are asked: a playbook that is edited meanwhile is not the one of this plan.
  const pins = args.out === undefined ? null : await pinsOf(work, version);
  const summary = await run({ command: 'plan', ...work, args, environment, adopt: args.adopt, rollout });
  const code = showPlan(summary, args, environment);
  if (args.out === undefined || pins === null) return code;
  const hosts = summary.hosts.flatMap((host) => (host.state === 'ok' && host.plan !== null ? [host.plan] : []));
  const isWorthIt = !summary.interrupted && hosts.length > 0;
  if (isWorthIt) {
    await savePlan(args.out, {
      createdAt: new Date().toISOString(),
      inventory: args.inventory ?? environment.inventory,
      extraVars: work.fleet.extraVars,
      adopt: args.adopt,
      rollout: saidBy(args),
      pins,
      hosts,
    });
  }
  say(isWorthIt ? saved(args.out, hosts.length, summary) : 'no plan saved: there is none that is whole\n');
  return code;
}

function saved(file: string, hosts: number, summary: Summary): string {
  const left = summary.hosts.length - hosts;
  const without = left === 0 ? '' : `, without ${count(left, 'host')} that ${left === 1 ? 'has' : 'have'} none`;
  return `plan of ${count(hosts, 'host')} saved${without}; do exactly that with: vfleet apply ${file}\n`;
}

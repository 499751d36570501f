import type { Argv } from 'yargs';
import { checkPlanPath, isSavedPlan, savePlan } from '../../playbook/plan.ts';
import { count } from '../../report/text/block.ts';
import type { Environment } from '../environment.ts';
import { one, withConnection, withPlaybook } from '../options.ts';
import { say } from '../output.ts';
import { run } from '../run.ts';
import { showPlan } from '../show.ts';
import { UsageError } from '../usage-error.ts';
import { loadWork, pinsOf } from '../work.ts';

/** `vfleet plan`: what `apply` would do, writing nothing. */
export function planCommand(
  yargs: Argv,
  environment: Environment,
  version: string,
  exit: (code: number) => void,
): Argv {
  return yargs.command(
    'plan <playbook>',
    'show what apply would change on each host; writes nothing there',
    (command) =>
      withConnection(withPlaybook(command, 'a TypeScript file, or one that comes with vfleet: passthrough'))
        .option('out', {
          type: 'string',
          coerce: one('out'),
          describe: 'save the plan: `vfleet apply FILE` does exactly that or refuses',
          requiresArg: true,
        })
        .example('$0 plan passthrough -i inventory -l rack:r12', 'a rack')
        .example('$0 plan passthrough --out r12.plan', 'save it; later: vfleet apply r12.plan'),
    async (args) => {
      if (await isSavedPlan(args.playbook))
        throw new UsageError(`${args.playbook}: a saved plan already; do it with: vfleet apply ${args.playbook}`);
      if (args.out !== undefined) await checkPlanPath(args.out);
      const work = await loadWork(args.playbook, args, environment);
      // Before the hosts are asked: a playbook that is edited meanwhile is not the one of this plan.
      const pins = args.out === undefined ? null : await pinsOf(work, version);
      const summary = await run({ command: 'plan', ...work, args, environment });
      exit(showPlan(summary, args, environment));
      if (args.out === undefined || pins === null) return;
      const hosts = summary.hosts.flatMap((host) => (host.state === 'ok' && host.plan !== null ? [host.plan] : []));
      if (summary.interrupted || hosts.length === 0) {
        say(`no plan saved: ${summary.interrupted ? 'interrupted' : 'there is none of any host'}\n`);
        return;
      }
      await savePlan(args.out, {
        createdAt: new Date().toISOString(),
        inventory: args.inventory ?? environment.inventory,
        extraVars: work.fleet.extraVars,
        pins,
        hosts,
      });
      const left = summary.hosts.length - hosts.length;
      const without = left === 0 ? '' : `, without ${count(left, 'host')} that have none`;
      say(`plan of ${count(hosts.length, 'host')} saved${without}; do exactly that with: vfleet apply ${args.out}\n`);
    },
  );
}

import type { Argv } from 'yargs';
import { savePlan } from '../../playbook/plan.ts';
import type { Environment } from '../environment.ts';
import { withConnection } from '../options.ts';
import { say } from '../output.ts';
import { run } from '../run.ts';
import { showPlan } from '../show.ts';
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
      withConnection(command)
        .positional('playbook', {
          type: 'string',
          demandOption: true,
          describe: 'a TypeScript file, or a shipped one: passthrough',
        })
        .option('out', {
          type: 'string',
          describe: 'save the plan: `vfleet apply FILE` does exactly that or refuses',
          requiresArg: true,
        })
        .example('$0 plan passthrough -i inventory -l rack:r12', 'a rack')
        .example('$0 plan passthrough --out r12.plan && $0 apply r12.plan', 'plan now, apply the same later'),
    async (args) => {
      const work = await loadWork(args.playbook, args, environment);
      const summary = await run({ command: 'plan', ...work, args, environment });
      exit(showPlan(summary, args, environment));
      if (args.out === undefined || summary.interrupted) return;
      const plans = summary.hosts.flatMap((host) => (host.state === 'ok' && host.plan !== null ? [host.plan] : []));
      await savePlan(args.out, {
        createdAt: new Date().toISOString(),
        inventory: args.inventory ?? environment.inventory,
        extraVars: work.fleet.extraVars,
        pins: await pinsOf(work, version),
        hosts: plans,
      });
      say(`plan of ${plans.length} hosts saved; apply it with: vfleet apply ${args.out}\n`);
    },
  );
}

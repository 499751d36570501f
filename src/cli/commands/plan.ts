import type { Argv } from 'yargs';
import { one } from '../option-value.ts';
import { withAdopt, withConnection, withPlaybook } from '../options.ts';
import { withRollout } from '../rollout-options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet plan`: what `apply` would do, writing nothing. */
export function planCommand(yargs: Argv, { environment, version, exit }: CommandContext): Argv {
  return yargs.command(
    'plan <playbook>',
    'show what apply would change on each host; writes nothing there',
    (command) =>
      withRollout(
        withAdopt(
          withConnection(withPlaybook(command, 'a TypeScript file, or one that comes with vfleet: passthrough')),
        ),
      )
        .option('out', {
          type: 'string',
          coerce: one('out'),
          describe: 'save the plan: `vfleet apply FILE` does exactly that or refuses',
          requiresArg: true,
        })
        .example('$0 plan passthrough -i inventory -l rack:r12', 'a rack')
        .example('$0 plan passthrough --out r12.plan', 'save it; later: vfleet apply r12.plan'),
    // What a command needs is loaded when it runs: help, and a mistake in the command line, answer at once.
    async (args) => exit(await (await import('../plan.ts')).plan(args, environment, version)),
  );
}

import type { Argv } from 'yargs';
import { number } from '../option-value.ts';
import { withAdopt, withConnection, withExpected, withPlaybook } from '../options.ts';
import { withRollout } from '../rollout-options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet apply`: makes the changes, reboots when due, and proves the result. */
export function applyCommand(yargs: Argv, { environment, version, exit }: CommandContext): Argv {
  return yargs.command(
    'apply <playbook>',
    'change the hosts as planned, reboot when due, verify; asks first',
    (command) =>
      withExpected(
        withRollout(
          withAdopt(
            withConnection(withPlaybook(command, 'a TypeScript file, one that comes with vfleet, or a saved plan')),
          ),
        ),
      )
        .option('check-first', {
          type: 'boolean',
          default: false,
          describe:
            'judge every host before the first write: where one is refused or fails, nothing is written anywhere',
        })
        .option('yes', { alias: 'y', type: 'boolean', default: false, describe: 'do not ask' })
        .option('reboot-deadline', {
          type: 'number',
          default: 15,
          coerce: number('reboot-deadline', 'minutes above 0', (given) => given > 0),
          describe: 'minutes for a host to come back',
          requiresArg: true,
        })
        .option('reboot-with-guests', {
          type: 'boolean',
          default: false,
          describe: 'reboot although guests run on the host',
        })
        .option('reboot-again', {
          type: 'boolean',
          default: false,
          describe: 'reboot once more for what an earlier reboot did not bring, though nothing has changed since',
        })
        .example('$0 apply passthrough -l node07', 'one host: shows the plan, asks, applies, reboots, verifies')
        .example('$0 apply passthrough --canary node01 --batches 5,20 --per-rack 2', 'a fleet, carefully')
        .example('$0 apply r12.plan --yes', 'exactly what was planned and saved, without a question'),
    async (args) => exit(await (await import('../apply.ts')).apply(args, environment, version)),
  );
}

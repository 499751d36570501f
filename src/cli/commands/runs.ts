import type { Argv } from 'yargs';
import { number } from '../option-value.ts';
import { withResult } from '../options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet runs`: what this machine knows of its runs. */
export function runsCommand(yargs: Argv, { environment, exit }: CommandContext): Argv {
  return yargs.command(
    'runs [run]',
    'list the runs that were started here, or show the report of one',
    (command) =>
      withResult(command)
        .positional('run', { type: 'string', describe: 'its name, or as much of its end or beginning as only one has' })
        .option('last', {
          type: 'number',
          default: 20,
          coerce: number('last', 'a whole number from 1', (given) => Number.isInteger(given) && given >= 1),
          describe: 'list the newest so many',
          requiresArg: true,
        })
        .option('prune', {
          type: 'number',
          coerce: number('prune', 'a whole number from 0', (given) => Number.isInteger(given) && given >= 0),
          describe: 'remove all but the newest so many, finished or not; what is due on hosts stays written down there',
          requiresArg: true,
        })
        .example('$0 runs', 'which of them are not finished')
        .example('$0 runs 5f3a', 'the report of one, as it was shown at its end'),
    async (args) => exit(await (await import('../runs.ts')).runs(args, environment)),
  );
}

import type { Argv } from 'yargs';
import { number } from '../option-value.ts';
import { withExpected, withExtraVars, withResult } from '../options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet resume`: goes on with a run that did not come to its end. */
export function resumeCommand(yargs: Argv, { environment, exit }: CommandContext): Argv {
  return yargs.command(
    'resume [run]',
    'go on with a run that was killed, interrupted or halted, where each host stands',
    (command) =>
      withExpected(withExtraVars(withResult(command)), expected)
        .positional('run', { type: 'string', describe: 'its name, as `vfleet runs` lists it; default: the latest' })
        .option('max-failures', {
          type: 'number',
          coerce: number('max-failures', 'a whole number from 0', (given) => Number.isInteger(given) && given >= 0),
          describe: 'so many hosts may end badly in the whole run, canaries among them',
          requiresArg: true,
        })
        .option('retry-failed', {
          type: 'boolean',
          default: false,
          describe: 'run the hosts again that ended badly, and go on; they count no more unless they do so again',
        })
        .option('anyway', {
          type: 'boolean',
          default: false,
          describe: 'go on although playbook, inventory or vfleet are others than when it was started',
        })
        .example('$0 resume', 'after a crash: hosts that ended stay so, those at work go on from where they are')
        .example('$0 resume 5f3a --retry-failed', 'after it halted, and the cause is gone'),
    async (args) => exit(await (await import('../resume.ts')).resume(args, environment)),
  );
}

const expected =
  'refuse, before any log-in, unless exactly so many hosts are left to start; needed for many where nobody can be asked';

import type { Argv } from 'yargs';
import type { HostState } from '../../events/event.ts';
import { withExpected, withExtraVars, withResult } from '../options.ts';
import { retried } from '../retried.ts';
import { UsageError } from '../usage-error.ts';
import type { CommandContext } from './context.ts';

/** `vfleet retry`: the same once more for the hosts that need it. */
export function retryCommand(yargs: Argv, { environment, exit }: CommandContext): Argv {
  return yargs.command(
    'retry <run>',
    'run the same command again, as a new run, on the hosts of a run that did not end well',
    (command) =>
      withExpected(withExtraVars(withResult(command)), expected)
        .positional('run', { type: 'string', demandOption: true, describe: 'its name, as `vfleet runs` lists it' })
        .option('only', {
          type: 'string',
          coerce: states,
          describe: `only hosts that ended so: ${retried.join(',')} (default: all of these)`,
          requiresArg: true,
        })
        .example('$0 retry 5f3a', 'all that did not end well')
        .example('$0 retry 5f3a --only unreachable,lost', 'those that have come back'),
    async (args) => exit(await (await import('../retry.ts')).retry(args, environment)),
  );
}

const expected =
  'refuse, before any log-in, unless exactly so many hosts are tried again; needed for many where nobody can be asked';

function states(given: unknown): readonly HostState[] {
  if (typeof given !== 'string') throw new UsageError('--only: given more than once, or with no value');
  return given.split(',').map((word) => {
    const state = retried.find((known) => known === word.trim());
    if (state !== undefined) return state;
    throw new UsageError(`--only ${word}: expected one of ${retried.join(', ')}`);
  });
}

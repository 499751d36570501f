import type { Argv } from 'yargs';
import { candidateKinds } from '../../devices/candidate.ts';
import { withConnection } from '../options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet devices`: what could be passed through on each host. */
export function devicesCommand(yargs: Argv, { environment, exit }: CommandContext): Argv {
  return yargs.command(
    'devices [pattern]',
    'show what could be passed through on each host, what goes with it, and what stands in the way; writes nothing there',
    (command) =>
      withConnection(command)
        .positional('pattern', { type: 'string', describe: 'only these hosts, as with --limit' })
        .option('kind', {
          alias: 'k',
          choices: candidateKinds,
          array: true,
          nargs: 1,
          describe: 'only such devices; may be given again',
          requiresArg: true,
        })
        .example('$0 devices node07', 'one host')
        .example('$0 devices rack:r12 --kind gpu', 'the GPUs of a rack')
        .example('$0 devices --json | jq', 'all, for programs'),
    async (args) => exit(await (await import('../devices.ts')).devices(args, environment)),
  );
}

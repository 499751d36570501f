import type { Argv } from 'yargs';
import { withConnection, withQuestion } from '../options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet restore`: puts the files back that a run has kept. */
export function restoreCommand(yargs: Argv, { environment, exit }: CommandContext): Argv {
  return yargs.command(
    'restore <run>',
    'put back the files that a run has replaced or removed; asks first, and reboots nothing',
    (command) =>
      withQuestion(withConnection(command))
        .positional('run', {
          type: 'string',
          demandOption: true,
          describe: 'the name of a run, as `vfleet backups` shows it',
        })
        .example('$0 restore 2026-11-23T03-50-00Z-5f3a -l node07', 'one host: shows the files, asks, restores them'),
    async (args) => exit(await (await import('../restore.ts')).restore(args, environment)),
  );
}

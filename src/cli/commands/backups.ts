import type { Argv } from 'yargs';
import { number } from '../option-value.ts';
import { withConnection, withQuestion } from '../options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet backups`: what runs have kept on the hosts. */
export function backupsCommand(yargs: Argv, { environment, exit }: CommandContext): Argv {
  return yargs.command(
    'backups [pattern]',
    'list the backups on each host by run: when, of which playbook, which files',
    (command) =>
      withQuestion(withConnection(command))
        .positional('pattern', { type: 'string', describe: 'only these hosts, as with --limit' })
        .option('prune', {
          type: 'number',
          coerce: number('prune', 'a whole number from 0', (given) => Number.isInteger(given) && given >= 0),
          describe: 'keep the newest so many runs on each host, and those that an undo may need; remove the rest',
          requiresArg: true,
        })
        .example('$0 backups node07', 'one host')
        .example('$0 backups --prune 5', 'after a question'),
    async (args) => exit(await (await import('../backups.ts')).backups(args, environment)),
  );
}

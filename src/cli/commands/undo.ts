import type { Argv } from 'yargs';
import { one } from '../option-value.ts';
import { withConnection, withQuestion } from '../options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet undo`: takes away what a playbook has added. */
export function undoCommand(yargs: Argv, { environment, exit }: CommandContext): Argv {
  return yargs.command(
    'undo [playbook]',
    'take away exactly what a playbook has added to the hosts; asks first, and reboots nothing',
    (command) =>
      withQuestion(withConnection(command))
        .positional('playbook', {
          type: 'string',
          describe: 'a TypeScript file, or one that comes with vfleet: passthrough',
        })
        .option('name', {
          type: 'string',
          coerce: one('name'),
          describe: 'the name of the playbook, where its file is gone: that of playbook({ name })',
          requiresArg: true,
        })
        .option('force', {
          type: 'boolean',
          default: false,
          describe: 'also restore files of its own that somebody has changed since',
        })
        .example('$0 undo passthrough -l node07', 'one host: shows what goes, asks, does it')
        .example("$0 undo --name 'PCI passthrough' --dry-run", 'by its name; writes nothing'),
    async (args) => exit(await (await import('../undo.ts')).undo(args, environment)),
  );
}

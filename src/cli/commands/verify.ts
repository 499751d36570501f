import type { Argv } from 'yargs';
import { withConnection, withPlaybook } from '../options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet verify`: the playbook's checks alone. */
export function verifyCommand(yargs: Argv, { environment, exit }: CommandContext): Argv {
  return yargs.command(
    'verify <playbook>',
    'judge each host by the checks of a playbook; writes nothing there',
    (command) =>
      withConnection(withPlaybook(command, 'a TypeScript file, or one that comes with vfleet: passthrough')).example(
        '$0 verify passthrough -l node07 -v',
        'one host, with all evidence',
      ),
    async (args) => exit(await (await import('../verify.ts')).verify(args, environment)),
  );
}

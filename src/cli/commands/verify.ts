import type { Argv } from 'yargs';
import type { Environment } from '../environment.ts';
import { withConnection, withPlaybook } from '../options.ts';
import { run } from '../run.ts';
import { showSummary } from '../show.ts';
import { loadWork } from '../work.ts';

/** `vfleet verify`: the playbook's checks alone. */
export function verifyCommand(
  yargs: Argv,
  environment: Environment,
  _version: string,
  exit: (code: number) => void,
): Argv {
  return yargs.command(
    'verify <playbook>',
    'judge each host by the checks of a playbook; writes nothing there',
    (command) =>
      withConnection(withPlaybook(command, 'a TypeScript file, or one that comes with vfleet: passthrough')).example(
        '$0 verify passthrough -l node07 -v',
        'one host, with all evidence',
      ),
    async (args) => {
      const work = await loadWork(args.playbook, args, environment);
      const summary = await run({ command: 'verify', ...work, args, environment });
      exit(showSummary(summary, 'verify', args, environment));
    },
  );
}

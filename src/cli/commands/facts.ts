import type { Argv } from 'yargs';
import { withConnection } from '../options.ts';
import type { CommandContext } from './context.ts';

/** `vfleet facts`: what the probe finds on each host. */
export function factsCommand(yargs: Argv, { environment, exit }: CommandContext): Argv {
  return yargs.command(
    'facts',
    'show what is known of each host: kernel, boot loader, IOMMU, modules, devices; writes nothing there',
    (command) =>
      withConnection(command)
        .example('$0 facts -l node07', 'one host')
        .example('$0 facts --json | jq', 'all, for programs'),
    async (args) => exit(await (await import('../facts.ts')).facts(args, environment)),
  );
}

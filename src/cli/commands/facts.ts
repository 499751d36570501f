import type { Argv } from 'yargs';
import { renderFacts } from '../../facts/render.ts';
import { playbook } from '../../playbook/define.ts';
import { nameList } from '../../report/names.ts';
import type { Environment } from '../environment.ts';
import { loadFleet } from '../fleet.ts';
import { withConnection } from '../options.ts';
import { warn, write } from '../output.ts';
import { run } from '../run.ts';
import { showSummary } from '../show.ts';

/** `vfleet facts`: what the probe finds on each host. */
export function factsCommand(
  yargs: Argv,
  environment: Environment,
  _version: string,
  exit: (code: number) => void,
): Argv {
  return yargs.command(
    'facts',
    'show what is known of each host: kernel, boot loader, IOMMU, modules, devices; writes nothing there',
    (command) =>
      withConnection(command)
        .example('$0 facts -l node07', 'one host')
        .example('$0 facts --json | jq', 'all, for programs'),
    async (args) => {
      const fleet = await loadFleet(args, environment);
      for (const warning of fleet.inventory.warnings) warn(warning);
      const summary = await run({ command: 'facts', fleet, playbook: nothing, vars: new Map(), args, environment });
      if (!args.json) {
        for (const host of summary.hosts) {
          if (host.facts !== null) write(`${nameList([host.name])}\n${renderFacts(host.facts)}\n`);
        }
      }
      exit(showSummary(summary, 'facts', args, environment));
    },
  );
}

const nothing = playbook({ name: 'facts' });

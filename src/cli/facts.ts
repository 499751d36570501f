import { renderFacts } from '../facts/render.ts';
import { playbook } from '../playbook/define.ts';
import { nameList } from '../report/names.ts';
import type { Environment } from './environment.ts';
import { loadFleet } from './fleet.ts';
import type { ConnectionArguments } from './options.ts';
import { warn, write } from './output.ts';
import { run } from './run.ts';
import { showSummary } from './show.ts';

/** Reads the facts of the hosts and shows them. Gives the exit code. */
export async function facts(args: ConnectionArguments, environment: Environment): Promise<number> {
  const fleet = await loadFleet(args, environment);
  for (const warning of fleet.inventory.warnings) warn(warning);
  const summary = await run({ command: 'facts', fleet, playbook: nothing, vars: new Map(), args, environment });
  if (!args.json) {
    for (const host of summary.hosts) {
      if (host.facts !== null) write(`${nameList([host.name])}\n${renderFacts(host.facts)}\n`);
    }
  }
  return showSummary(summary, 'facts', args, environment);
}

const nothing = playbook({ name: 'facts' });

import { VfleetError } from '../errors.ts';
import { playbook } from '../playbook/define.ts';
import type { Summary } from '../report/summary.ts';
import { count } from '../report/text/block.ts';
import { ask } from './ask.ts';
import type { Environment } from './environment.ts';
import { loadFleet } from './fleet.ts';
import { warn } from './output.ts';
import { run } from './run.ts';
import { showBackups, showOldBackups } from './show.ts';
import { requireYes, type TaskArguments } from './task.ts';

/** What `backups` parses. */
export interface BackupsArguments extends TaskArguments {
  readonly pattern?: string | undefined;
  readonly prune?: number | undefined;
}

/** Lists backups; with `--prune` removes old ones, after a question. Gives the exit code. */
export async function backups(given: BackupsArguments, environment: Environment): Promise<number> {
  const { pattern, prune = null } = given;
  const args = pattern === undefined ? given : { ...given, limit: [...(given.limit ?? []), pattern] };
  if (prune !== null) requireYes('backups --prune', args, environment);
  const fleet = await loadFleet(args, environment);
  for (const warning of fleet.inventory.warnings) warn(warning);
  const start = (keep: number | null, dryRun: boolean): Promise<Summary> =>
    run({
      command: 'backups',
      fleet,
      ...{ playbook: nothing, vars: new Map(), task: { kind: 'backups', keep }, dryRun, args, environment },
    });
  if (prune === null) return showBackups(await start(null, false), args, environment);
  if (!args.yes || args.dryRun) {
    const planned = await start(prune, true);
    const runs = planned.hosts.reduce((sum, { oldBackups }) => sum + oldBackups.length, 0);
    if (args.dryRun || planned.interrupted || runs === 0) return showBackups(planned, args, environment);
    showOldBackups(planned, args, environment);
    if (!(await ask(`Remove the backups of ${count(runs, 'run')}?`)))
      throw new VfleetError({ code: 'apply.declined', thing: 'declined; nothing was removed' });
  }
  return showBackups(await start(prune, false), args, environment);
}

const nothing = playbook({ name: 'backups' });

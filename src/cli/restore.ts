import { playbook } from '../playbook/define.ts';
import type { Environment } from './environment.ts';
import { loadFleet } from './fleet.ts';
import { doTask, type TaskArguments } from './task.ts';
import { UsageError } from './usage-error.ts';

/** What `restore` parses. */
export interface RestoreArguments extends TaskArguments {
  readonly run: string;
}

/** Puts the files back that a run has kept. Gives the exit code. */
export async function restore(args: RestoreArguments, environment: Environment): Promise<number> {
  // It becomes a part of a path on the hosts.
  if (!/^\w[\w-]*$/.test(args.run))
    throw new UsageError(`restore ${args.run}: expected the name of a run, as \`vfleet backups\` shows it`);
  const fleet = await loadFleet(args, environment);
  return doTask(
    {
      command: 'restore',
      fleet,
      playbook: nothing,
      task: { kind: 'restore', run: args.run },
      question: 'Restore these files on',
      words: [args.run],
    },
    args,
    environment,
  );
}

const nothing = playbook({ name: 'restore' });

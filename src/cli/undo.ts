import { playbook } from '../playbook/define.ts';
import type { Environment } from './environment.ts';
import { loadFleet } from './fleet.ts';
import { doTask, type TaskArguments } from './task.ts';
import { UsageError } from './usage-error.ts';
import { loadNamed } from './work.ts';

/** What `undo` parses. */
export interface UndoArguments extends TaskArguments {
  readonly playbook?: string | undefined;
  readonly name?: string | undefined;
  readonly force: boolean;
}

/** Takes away what a playbook has added. Gives the exit code. */
export async function undo(args: UndoArguments, environment: Environment): Promise<number> {
  const name = await nameOf(args, environment);
  const fleet = await loadFleet(args, environment);
  const options = args.force ? ['--force'] : [];
  const words = args.playbook === undefined ? ['--name', name] : [];
  return doTask(
    {
      command: 'undo',
      fleet,
      // The hosts know what it owns: nothing of it is run.
      playbook: playbook({ name }),
      task: { kind: 'undo', force: args.force },
      question: 'Undo it on',
      words: [...words, ...options],
    },
    args,
    environment,
  );
}

/** The name under which hosts know the playbook: only that is wanted of its file. */
async function nameOf(args: UndoArguments, environment: Environment): Promise<string> {
  const { playbook: file, name } = args;
  if (file !== undefined && name !== undefined)
    throw new UsageError('undo: give a playbook, or with --name the name of one, not both');
  if (name !== undefined) return name;
  if (file === undefined) throw new UsageError('undo: name a playbook; --name where its file is gone');
  return (await loadNamed(file, environment)).playbook.name;
}

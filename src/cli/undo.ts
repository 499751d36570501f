import { playbook } from '../playbook/define.ts';
import { exitCodes } from '../report/exit-code.ts';
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
  const known = new Set<string>();
  const tell = (playbooks: readonly string[]): void => {
    for (const each of playbooks) known.add(each);
  };
  const isUnknown = (): boolean => args.name !== undefined && known.size > 0 && !known.has(name);
  const judge = (code: number): number => (code === exitCodes.done && isUnknown() ? exitCodes.usage : code);
  const code = await doTask(
    {
      command: 'undo',
      fleet,
      // The hosts know what it owns: nothing of it is run.
      playbook: playbook({ name }),
      task: { kind: 'undo', force: args.force, tell },
      question: 'Undo it on',
      words: [...words, ...options],
      judge,
    },
    args,
    environment,
  );
  if (code === exitCodes.usage) {
    const names = [...known].sort().map((each) => JSON.stringify(each));
    throw new UsageError(`undo --name ${JSON.stringify(name)}: no host knows it; they know ${names.join(', ')}`);
  }
  return code;
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

import type { Task } from '../host/context.ts';
import type { Playbook } from '../playbook/define.ts';
import { exitCode } from '../report/exit-code.ts';
import { isPending, type Summary } from '../report/summary.ts';
import { count } from '../report/text/block.ts';
import { worse } from './apply-playbook.ts';
import type { Environment } from './environment.ts';
import type { Fleet } from './fleet.ts';
import { confirmChanges, requireExpected } from './guard.ts';
import type { ConnectionArguments } from './options.ts';
import { warn } from './output.ts';
import { type Run, run } from './run.ts';
import { showQuestion, showSummary, showTaskPlan } from './show.ts';
import { UsageError } from './usage-error.ts';

/** What every command parses that does a task on hosts. */
export interface TaskArguments extends ConnectionArguments {
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly expectHosts?: number | undefined;
}

/** A task as a command asks for it. */
export interface FleetTask {
  readonly command: 'undo' | 'restore';
  readonly fleet: Fleet;
  /** Its name is all that counts. */
  readonly playbook: Playbook;
  readonly task: Task;
  /** What is asked: `undo on`. */
  readonly question: string;
  /** What was given for this command alone, as it can be pasted again. */
  readonly words: readonly string[];
  /** The exit code, by that of the run, where the command knows more. Default: the same. */
  readonly judge?: ((code: number) => number) | undefined;
}

/** Refuses what would have to ask where nobody can answer. */
export function requireYes(command: string, { yes, dryRun }: TaskArguments, { interactive }: Environment): void {
  if (yes || dryRun || interactive) return;
  throw new UsageError(
    `${command} asks before it writes, and here is no terminal to answer at: see what it would do with --dry-run, ` +
      `then give --yes`,
  );
}

/** Shows what would be done, asks, and does exactly that; with `--yes` whatever is to be done. Gives the exit code. */
export async function doTask(given: FleetTask, args: TaskArguments, environment: Environment): Promise<number> {
  const { command, fleet, words, question, judge = (code: number): number => code } = given;
  requireYes(command, args, environment);
  requireExpected(fleet.hosts.length, { ...args, yes: args.yes && !args.dryRun }, fleet.inventory.rollout);
  for (const warning of fleet.inventory.warnings) warn(warning);
  const shown = { ...args, words };
  if (args.yes && !args.dryRun) {
    const done = await start(given, args, environment);
    return showSummary(done, command, shown, environment, judge(exitCode(done, command)));
  }
  const planned = await start(given, args, environment, { dryRun: true });
  const plans = planned.hosts.flatMap(({ state, plan }) => (state === 'ok' && plan !== null ? [plan] : []));
  const changing = plans.filter(isPending);
  if (args.dryRun || planned.interrupted || changing.length === 0)
    return showTaskPlan(planned, command, shown, environment, judge(exitCode(planned, command)));
  showQuestion(planned.hosts, shown, environment, { command });
  const changed = changing.length;
  await confirmChanges(`${question} ${count(changed, 'host')}?`, changed, args, fleet.inventory.rollout);
  const names = new Set(plans.map(({ host }) => host));
  const hosts = fleet.hosts.filter(({ name }) => names.has(name));
  const expected = new Map(plans.map((plan) => [plan.host, plan]));
  const done = await start({ ...given, fleet: { ...fleet, hosts } }, args, environment, { expected });
  // Hosts that could not be planned were not tried again, but they count.
  const before = exitCode({ ...planned, dryRun: false }, command);
  return showSummary(done, command, shown, environment, judge(worse(before, exitCode(done, command))));
}

function start(
  { command, fleet, playbook, task, words }: FleetTask,
  args: TaskArguments,
  environment: Environment,
  options: Pick<Run, 'dryRun' | 'expected'> = {},
): Promise<Summary> {
  return run({ command, fleet, playbook, vars: new Map(), task, words, args, environment, ...options });
}

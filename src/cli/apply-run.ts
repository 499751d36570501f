import type { HostPlan } from '../events/event.ts';
import { isPending, type Summary } from '../report/summary.ts';
import { count } from '../report/text/block.ts';
import type { PlannedHost } from '../report/text/plans.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { RolloutWish } from '../rollout/wish.ts';
import type { Environment } from './environment.ts';
import { confirmChanges, type GuardArguments } from './guard.ts';
import type { RolloutArguments } from './rollout.ts';
import { run } from './run.ts';
import { showQuestion, showRollout } from './show.ts';
import { UsageError } from './usage-error.ts';
import type { Work } from './work.ts';

/** What `apply` parses. */
export interface ApplyArguments extends RolloutArguments, GuardArguments {
  readonly playbook: string;
  readonly adopt: boolean;
  readonly checkFirst: boolean;
  readonly rebootDeadline: number;
  readonly rebootWithGuests: boolean;
  readonly rebootAgain: boolean;
}

/** Refuses an `apply` that would have to ask where nobody can answer. */
export function requireAnswer(args: ApplyArguments, { interactive }: Environment): void {
  if (args.yes || interactive) return;
  throw new UsageError(
    `apply asks before it writes, and here is no terminal to answer at: see what it would do with ` +
      `\`vfleet plan\`, then give --yes`,
  );
}

/** What is asked about. */
export interface Question {
  readonly hosts: readonly PlannedHost[];
  readonly plans: readonly HostPlan[];
  readonly rollout: Rollout;
  readonly wish: RolloutWish;
}

/** Shows what would be done and how, and asks for it: for many hosts their number. Errors: `apply.declined`, `interrupted`. */
export async function confirm(
  { hosts, plans, rollout, wish }: Question,
  args: ApplyArguments,
  environment: Environment,
): Promise<void> {
  const changing = plans.filter(isPending);
  showQuestion(hosts, args, environment, { rollout });
  if (changing.length === 0) return;
  const reboots = changing.filter(({ effects }) => effects.some(({ kind }) => kind === 'reboot')).length;
  const acts = [
    `change ${count(changing.length, 'host')}`,
    ...(reboots > 0 ? [`reboot ${reboots}`] : []),
    `verify ${plans.length}`,
  ];
  await confirmChanges(`${acts.join(', ').replace(/^c/, 'C')}?`, changing.length, args, wish);
}

/** Applies; with `plans` only what they say. */
export function startApply(
  work: Work,
  args: ApplyArguments,
  environment: Environment,
  rollout: Rollout,
  plans?: readonly HostPlan[],
): Promise<Summary> {
  if (args.yes) showRollout(rollout, work.fleet.hosts.length, args, environment);
  return run({
    command: 'apply',
    ...work,
    args,
    environment,
    rollout,
    reboot: { deadline: args.rebootDeadline * 60_000 },
    guestsAllowed: args.rebootWithGuests,
    adopt: args.adopt,
    rebootAgain: args.rebootAgain,
    ...(plans !== undefined && { expected: new Map(plans.map((plan) => [plan.host, plan])) }),
  });
}

/** The work on these hosts alone. */
export function among(work: Work, names: ReadonlySet<string>): Work {
  const hosts = work.fleet.hosts.filter((host) => names.has(host.name));
  return {
    ...work,
    fleet: { ...work.fleet, hosts },
    vars: new Map([...work.vars].filter(([host]) => names.has(host))),
  };
}

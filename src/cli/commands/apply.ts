import type { Argv } from 'yargs';
import { VfleetError } from '../../errors.ts';
import type { HostPlan } from '../../events/event.ts';
import { comparePins, isSavedPlan, readPlan } from '../../playbook/plan.ts';
import { exitCodes } from '../../report/exit-code.ts';
import { isPending, type Summary } from '../../report/summary.ts';
import { ask } from '../ask.ts';
import type { Environment } from '../environment.ts';
import { type ConnectionArguments, withConnection } from '../options.ts';
import { say } from '../output.ts';
import { run } from '../run.ts';
import { showPlan, showSummary } from '../show.ts';
import { UsageError } from '../usage-error.ts';
import { loadWork, pinsOf, type Work } from '../work.ts';

interface ApplyArguments extends ConnectionArguments {
  readonly playbook: string;
  readonly yes: boolean;
  readonly rebootDeadline: number;
  readonly rebootWithGuests: boolean;
}

/** `vfleet apply`: makes the changes, reboots when due, and proves the result. */
export function applyCommand(
  yargs: Argv,
  environment: Environment,
  version: string,
  exit: (code: number) => void,
): Argv {
  return yargs.command(
    'apply <playbook>',
    'change the hosts as planned, reboot when due, verify; asks first',
    (command) =>
      withConnection(command)
        .positional('playbook', {
          type: 'string',
          demandOption: true,
          describe: 'a TypeScript file, a shipped one, or a saved plan',
        })
        .option('yes', { alias: 'y', type: 'boolean', default: false, describe: 'do not ask' })
        .option('reboot-deadline', {
          type: 'number',
          default: 15,
          describe: 'minutes for a host to come back',
          requiresArg: true,
        })
        .option('reboot-with-guests', {
          type: 'boolean',
          default: false,
          describe: 'reboot although guests run on the host',
        })
        .check((args) => {
          if (!(args['reboot-deadline'] > 0)) throw new Error('--reboot-deadline: expected minutes above 0');
          return true;
        })
        .example('$0 apply passthrough -l node07', 'one host: shows the plan, asks, applies, reboots, verifies'),
    async (args) =>
      exit(
        (await isSavedPlan(args.playbook))
          ? await applyPlan(args, environment, version)
          : await applyPlaybook(args, environment),
      ),
  );
}

async function applyPlaybook(args: ApplyArguments, environment: Environment): Promise<number> {
  const work = await loadWork(args.playbook, args, environment);
  if (args.yes) return finish(await start(work, args, environment), args, environment);
  if (!environment.interactive)
    throw new UsageError('apply asks before it writes, but nobody can answer here: give --yes');
  const planned = await run({ command: 'plan', ...work, args, environment });
  const code = showPlan(planned, { ...args, json: false }, environment);
  const plans = planned.hosts.flatMap((host) => (host.state === 'ok' && host.plan !== null ? [host.plan] : []));
  const pending = plans.filter(isPending);
  if (planned.interrupted) return code;
  if (plans.length === 0) return code;
  const reboots = pending.filter((plan) => plan.effects.some((effect) => effect.kind === 'reboot')).length;
  const question =
    pending.length === 0
      ? 'Nothing to change. Verify'
      : `Change ${pending.length} hosts, reboot ${reboots}, and verify`;
  if (!(await ask(`${question} ${plans.length} hosts?`))) throw declined();
  const chosen = only(work, plans);
  const applied = finish(await start(chosen, args, environment, plans), args, environment);
  // Hosts that could not be planned were not tried again, but they count.
  return applied === exitCodes.done && code !== exitCodes.pending ? code : applied;
}

async function applyPlan(args: ApplyArguments, environment: Environment, version: string): Promise<number> {
  const plan = await readPlan(args.playbook);
  if (args.extraVars !== undefined)
    throw new UsageError('-e: a saved plan has its own variables; plan again with these');
  const planArgs = { ...args, inventory: args.inventory ?? plan.inventory, extraVars: plan.extraVars };
  const work = await loadWork(plan.pins.playbook, planArgs, environment);
  const names = new Set(work.fleet.hosts.map((host) => host.name));
  const plans = plan.hosts.filter((host) => names.has(host.host));
  if (plans.length === 0) {
    throw new VfleetError({
      code: 'plan.no-hosts',
      thing: args.playbook,
      expected: 'hosts of this inventory and limit',
      found: 'none',
      next: 'plan again',
    });
  }
  const chosen = only(work, plans);
  const pins = await pinsOf(chosen, version);
  comparePins(args.playbook, { ...plan.pins, varsDigests: pick(plan.pins.varsDigests, plans) }, pins);
  if (!args.yes) {
    if (!environment.interactive)
      throw new UsageError('apply asks before it writes, but nobody can answer here: give --yes');
    if (!(await ask(`Apply the plan of ${plan.createdAt} to ${plans.length} hosts?`))) throw declined();
  }
  return finish(await start(chosen, planArgs, environment, plans), args, environment);
}

function start(
  work: Work,
  args: ApplyArguments,
  environment: Environment,
  plans?: readonly HostPlan[],
): Promise<Summary> {
  return run({
    command: 'apply',
    ...work,
    args,
    environment,
    reboot: { deadline: args.rebootDeadline * 60_000 },
    guestsAllowed: args.rebootWithGuests,
    ...(plans !== undefined && { expected: new Map(plans.map((plan) => [plan.host, plan])) }),
  });
}

function finish(summary: Summary, args: ApplyArguments, environment: Environment): number {
  return showSummary(summary, 'apply', args, environment);
}

function only(work: Work, plans: readonly HostPlan[]): Work {
  const names = new Set(plans.map((plan) => plan.host));
  const hosts = work.fleet.hosts.filter((host) => names.has(host.name));
  return {
    ...work,
    fleet: { ...work.fleet, hosts },
    vars: new Map([...work.vars].filter(([host]) => names.has(host))),
  };
}

function pick(digests: Readonly<Record<string, string>>, plans: readonly HostPlan[]): Record<string, string> {
  return Object.fromEntries(plans.map(({ host }) => [host, digests[host] ?? '']));
}

function declined(): VfleetError {
  say('');
  return new VfleetError({ code: 'apply.declined', thing: 'apply', found: 'that you said no; nothing was written' });
}

import { VfleetError } from '../errors.ts';
import type { Command, Stamped } from '../events/event.ts';
import type { Given, RunPins } from '../events/given.ts';
import { foldNames } from '../names.ts';
import { playbook } from '../playbook/define.ts';
import { readPlan } from '../playbook/plan.ts';
import type { Environment } from './environment.ts';
import { loadFleet } from './fleet.ts';
import { absoluteExtras, planPath } from './given.ts';
import type { ConnectionArguments } from './options.ts';
import type { Run } from './run.ts';
import { loadWork } from './work.ts';

/** What `resume` and `retry` parse alike. */
export interface AgainArguments {
  readonly run?: string | undefined;
  readonly extraVars?: readonly string[] | undefined;
  readonly expectHosts?: number | undefined;
  readonly json: boolean;
  readonly color?: boolean | undefined;
  readonly verbose: boolean;
}

/** What a run was asked for. */
export type Started = Extract<Stamped, { readonly type: 'run-started' }>;

/** The start of a run of which it is known what it was given. */
export function startOf(events: readonly Stamped[]): Started {
  const started = events.find((event): event is Started => event.type === 'run-started');
  if (started === undefined) throw new Error('a run that was given something has started');
  return started;
}

/** Whether a run changes its hosts. */
export function changesHosts({
  command,
  dryRun,
}: {
  readonly command: Command | null;
  readonly dryRun?: boolean;
}): boolean {
  return dryRun !== true && (command === 'apply' || command === 'undo' || command === 'restore');
}

/** What a run was asked for beside its hosts, when it is asked for again. */
export function sameAsked({ command, dryRun }: Started, { task, reboot, guestsAllowed, rebootAgain, adopt }: Given) {
  return {
    command,
    ...(dryRun === true && { dryRun }),
    ...(task !== undefined && { task }),
    ...(reboot !== undefined && { reboot }),
    guestsAllowed,
    rebootAgain,
    adopt,
  };
}

/** How a result is shown again, and what a command to run next repeats. */
export type ShownArguments = ConnectionArguments & {
  readonly playbook?: string | undefined;
  readonly adopt: boolean;
  readonly words: readonly string[];
};

/** The arguments of a run as they were given; secrets are shown as such, as their values are not known. */
export function shownArguments(given: Given, args: Omit<AgainArguments, 'run'>): ShownArguments {
  const { inventory, limit, playbook, extraVars, secrets, words, adopt, options } = given;
  const { json, color, verbose } = args;
  return {
    ...({ hostKeys: 'strict', connectTimeout: 20, ...options } as ConnectionArguments),
    ...{ json, color, verbose, words, adopt },
    ...(inventory !== null && { inventory }),
    ...(limit.length > 0 && { limit }),
    ...(playbook !== null && { playbook }),
    extraVars: [...extraVars, ...secrets.map((name) => `${name}=`)],
  };
}

/**
 * Goes to the folder in which a run was started: its paths hold there. Gives the arguments of `-e`, with what was given now.
 * Errors: `run.folder`, `run.secret` for a secret that no journal stores and that was not given again.
 */
export function returnTo(given: Given, args: AgainArguments, command: string): readonly string[] {
  const extras = absoluteExtras(args.extraVars ?? []);
  try {
    process.chdir(given.folder);
  } catch (cause) {
    throw new VfleetError({
      code: 'run.folder',
      thing: given.folder,
      expected: 'the folder in which the run was started: its paths hold there',
      found: cause instanceof Error ? cause.message : String(cause),
      next: 'bring it back, or start a new run',
      cause,
    });
  }
  const names = extras.map((extra) => extra.split('=', 1)[0] ?? '');
  // What is in a file or in JSON is looked at when it is read.
  const told = extras.some((extra) => /^@|^\s*[{[]/.test(extra));
  const missing = given.secrets.filter((name) => !names.includes(name));
  if (missing.length > 0 && !told) {
    throw new VfleetError({
      code: 'run.secret',
      thing: `-e ${missing.join(', ')}`,
      expected: 'its value once more: no journal stores a secret',
      found: 'none',
      next: `${command} ${missing.map((name) => `-e ${name}=…`).join(' ')}`,
    });
  }
  return [...given.extraVars, ...extras];
}

/** Loads what a run is about, for these hosts of it alone. Hosts that the inventory has no more are `gone`. */
export async function loadAgain(
  { command, playbook: name }: Started,
  given: Given,
  args: ConnectionArguments,
  hosts: ReadonlySet<string>,
  environment: Environment,
): Promise<{
  readonly work: Pick<Run, 'fleet' | 'playbook' | 'vars' | 'name' | 'path'>;
  readonly gone: readonly string[];
}> {
  const isPlaybooks = command === 'apply' || command === 'plan' || command === 'verify';
  const goneFrom = (found: readonly { readonly name: string }[]): readonly string[] => {
    const names = new Set(found.map((host) => host.name));
    return [...hosts].filter((host) => !names.has(host));
  };
  if (isPlaybooks && given.playbook !== null) {
    const work = await loadWork(given.playbook, args, environment, hosts);
    return { work, gone: goneFrom(work.fleet.hosts) };
  }
  const all = await loadFleet(args, environment);
  const fleet = { ...all, hosts: all.hosts.filter((host) => hosts.has(host.name)) };
  // The hosts know what it owns, or nothing of it counts: only its name does.
  const work = { fleet, playbook: playbook({ name: name ?? command }), vars: new Map<string, unknown>() };
  return { work, gone: goneFrom(fleet.hosts) };
}

/** What was shown for these hosts and must be done exactly; none: whatever is due. Errors: those of `readPlan`. */
export async function plansOf(
  { planned }: Given,
  folder: string,
  hosts: ReadonlySet<string>,
): Promise<Pick<Run, 'expected'>> {
  if (!planned) return {};
  const { hosts: plans } = await readPlan(planPath(folder));
  return { expected: new Map(plans.flatMap((plan) => (hosts.has(plan.host) ? [[plan.host, plan] as const] : []))) };
}

/** What differs from when a run was started, each in a few words. */
export function differences(then: RunPins, now: RunPins): readonly string[] {
  const changed = (pin: 'varsDigests' | 'hostDigests'): readonly string[] =>
    foldNames(Object.keys(now[pin]).filter((host) => then[pin][host] !== now[pin][host]));
  const vars = changed('varsDigests').join(', ');
  const hosts = changed('hostDigests').join(', ');
  return [
    ...(then.vfleet === now.vfleet ? [] : [`vfleet is ${now.vfleet} instead of ${then.vfleet}`]),
    ...(then.playbookDigest === now.playbookDigest ? [] : ['the playbook, or a file that it uses, has changed']),
    ...(then.templatesDigest === now.templatesDigest ? [] : ['a template of vfleet has changed']),
    ...(vars === '' ? [] : [`variables of ${vars} are others`]),
    ...(hosts === '' ? [] : [`the inventory says something else of ${hosts}`]),
  ];
}

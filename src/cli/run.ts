import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, createBus } from '../events/bus.ts';
import type { Command, HostPlan } from '../events/event.ts';
import { beginRun, type OpenRun } from '../events/open-run.ts';
import { runFolder } from '../events/run-folder.ts';
import type { HostContext, Mode, Task } from '../host/context.ts';
import type { LeasePolicy } from '../host/lease.ts';
import { inTurn } from '../host/limits.ts';
import { type Clock, defaultRebootPolicy, type RebootPolicy } from '../host/reboot.ts';
import { runHost } from '../host/run.ts';
import type { Playbook } from '../playbook/define.ts';
import { startFold } from '../report/fold.ts';
import type { HostSummary, Summary } from '../report/summary.ts';
import { startTerminal, type TerminalOptions } from '../report/terminal.ts';
import { drive } from '../rollout/drive.ts';
import { atOnce, type Policy } from '../rollout/policy.ts';
import { leftOf, lookedAt } from '../rollout/resume-state.ts';
import { placesOf, policyOf, type Rollout } from '../rollout/rollout.ts';
import type { RolloutState } from '../rollout/state.ts';
import { createShell } from '../shell/remote-shell.ts';
import { createSshTransport } from '../transport/ssh/ssh-transport.ts';
import { aidsOf, pacingOf, sparingOf } from './aids.ts';
import type { Environment } from './environment.ts';
import type { Fleet } from './fleet.ts';
import { givenOf, keepPlan, planPath } from './given.ts';
import { holderOf } from './holder.ts';
import { catchInterrupts } from './interrupts.ts';
import type { ConnectionArguments } from './options.ts';
import { hasColour, warn } from './output.ts';
import { connectingOf } from './rollout.ts';
import { targetOf } from './targets.ts';

/** What one command does with a fleet. */
export interface Run {
  readonly command: Command;
  readonly fleet: Fleet;
  readonly playbook: Playbook;
  /** Validated variables, by host. */
  readonly vars: ReadonlyMap<string, unknown>;
  readonly args: ConnectionArguments;
  readonly environment: Environment;
  /** By host: what was shown and must be done exactly. */
  readonly expected?: ReadonlyMap<string, HostPlan>;
  /** Hosts on which a part of that may be done already. */
  readonly underWay?: ReadonlySet<string> | undefined;
  /** Hosts that may still be away with the reboot that an earlier part of the run asked for, and the boot that it ends. */
  readonly rebootAsked?: ReadonlyMap<string, string | null> | undefined;
  /** Hosts that an earlier part of the run has changed, or may have. */
  readonly begun?: ReadonlySet<string> | undefined;
  /** Hosts that an earlier part of the run has lost: each is asked once whether it answers again. */
  readonly lost?: ReadonlySet<string> | undefined;
  /** Hosts that an earlier part of the run has drained. */
  readonly drained?: ReadonlySet<string> | undefined;
  readonly reboot?: Partial<RebootPolicy>;
  /** How long leases on hosts last. */
  readonly lease?: LeasePolicy | undefined;
  readonly guestsAllowed?: boolean;
  readonly rebootAgain?: boolean;
  /** Take over what stood there before, where it is as it would be written. */
  readonly adopt?: boolean;
  /** What is done instead of the playbook. */
  readonly task?: Task;
  /** Of a task: only show what would be done. */
  readonly dryRun?: boolean;
  /** What was given for this command alone, as it can be pasted again. */
  readonly words?: readonly string[] | undefined;
  /** The playbook as it was named, and its file; absent: it has none. */
  readonly name?: string | undefined;
  readonly path?: string | undefined;
  /** How it goes about its hosts. Default: as many at once as the arguments say, and no budget. */
  readonly rollout?: Rollout | undefined;
  /** Of a plan: why nothing of it may be done, by how its hosts ended. */
  readonly haltAfter?: ((hosts: readonly HostSummary[]) => string | null) | undefined;
  /** A run that goes on, with hosts that it is still about. Default: a new one. */
  readonly resumed?: Resumed | undefined;
  /** Where progress is shown. Default: standard error. */
  readonly progress?: TerminalOptions['stream'];
}

/** A run that its controller did not bring to its end. */
export interface Resumed {
  readonly open: OpenRun;
  /** 2 for the first time that it is resumed. */
  readonly part: number;
  readonly from: RolloutState;
  readonly maxFailures?: number | undefined;
}

/** Runs a command over its hosts, shows it while it lasts, keeps its journal, and tells how it ended. */
export async function run(run: Run): Promise<Summary> {
  const { fleet, playbook, args, environment } = run;
  const changes = run.command === 'apply';
  const aids = changes || run.command === 'plan' ? await aidsOf(fleet.hosts, playbook, changes) : null;
  const open = run.resumed?.open ?? (await beginRun(runFolder(environment.stateHome, new Date(), Math.random)));
  const { folder, journal } = open;
  const bus = createBus({ now: () => new Date(), journal });
  const folding = startFold();
  for (const event of open.earlier) folding.take(event);
  bus.subscribe((event) => folding.take(event));
  const stream = run.progress ?? process.stderr;
  const terminal = startTerminal({
    bus,
    stream,
    colour: hasColour(args, environment, stream),
    live: stream.isTTY === true && environment.dumb !== true,
  });
  const transport = createSshTransport({ onWarning: (text) => bus.emit({ type: 'warning', host: null, text }) });
  const holder = holderOf(environment);
  const pacing = pacingFor(run);
  const interrupts = catchInterrupts((line) => terminal.print(line));
  try {
    await announce(run, bus, open);
    const contexts = new Map(
      fleet.hosts.map((host): [string, HostContext] => {
        const target = targetOf(host, fleet.inventory, args, environment);
        const shell = createShell({
          host: host.name,
          connect: inTurn(
            host.name,
            pacing.limits?.connecting,
            (signal) => transport.connect(target, signal),
            (line) => bus.emit({ type: 'progress', host: host.name, line }),
          ),
          elevate: host.ssh.elevate,
          elevatePassword: host.ssh.elevatePassword,
          startTimeout: args.connectTimeout * 1000,
        });
        const expected = run.expected?.get(host.name);
        const context: HostContext = {
          host,
          vars: run.vars.get(host.name),
          playbook,
          mode: modeOf(run),
          ...(run.task !== undefined && { task: run.task }),
          run: basename(folder),
          part: run.resumed?.part ?? 1,
          shell,
          bus,
          clock,
          reboot: { ...defaultRebootPolicy, ...run.reboot },
          guestsAllowed: run.guestsAllowed ?? false,
          rebootAgain: run.rebootAgain ?? false,
          adopt: run.adopt ?? false,
          holder,
          ...(run.lease !== undefined && { lease: run.lease }),
          ...pacing,
          ...aids?.get(host.name),
          stop: interrupts.stop,
          abandon: interrupts.abandon,
          ...(expected !== undefined && { expected }),
          underWay: run.underWay?.has(host.name) ?? false,
          rebootAsked: run.rebootAsked?.get(host.name),
          begunEarlier: run.begun?.has(host.name) ?? false,
          lostEarlier: run.lost?.has(host.name) ?? false,
          drainedEarlier: run.drained?.has(host.name) ?? false,
        };
        return [host.name, context];
      }),
    );
    await drive({
      hosts: [...contexts.keys()],
      from: run.resumed?.from,
      policy: policyFor(run),
      clock,
      wall: Date.now,
      runner: {
        start: (host) => {
          const context = contexts.get(host);
          if (context === undefined) throw new Error(`no such host: ${host}`);
          return runHost(context);
        },
      },
      bus,
      stop: interrupts.stop,
    });
    const why = interrupts.stop.aborted ? null : (run.haltAfter?.(folding.summary().hosts) ?? null);
    if (why !== null) bus.emit({ type: 'halted', why });
    bus.emit({ type: 'run-ended', interrupted: interrupts.stop.aborted });
  } finally {
    interrupts.release();
    terminal.stop();
    await transport.close();
    await bus.close().catch((thrown: unknown) => warn(thrown instanceof Error ? thrown.message : String(thrown)));
    await open.release();
    holder.end();
  }
  return folding.summary();
}

/** Tells what begins, or goes on, before any host is touched. */
async function announce(run: Run, bus: Bus, { folder }: OpenRun): Promise<void> {
  const { command, playbook, fleet, resumed } = run;
  const name = basename(folder);
  if (resumed !== undefined) {
    const { part, from, maxFailures } = resumed;
    const looked = lookedAt(from);
    const more = { ...(maxFailures !== undefined && { maxFailures }), ...(looked.length > 0 && { looked }) };
    return bus.intend({ type: 'run-resumed', run: name, command, part, left: leftOf(from), ...more });
  }
  const given = await givenOf(run);
  if (run.expected !== undefined) await keepPlan(planPath(folder), given, [...run.expected.values()]);
  await bus.intend({
    type: 'run-started',
    run: name,
    command,
    playbook: named(command) ? playbook.name : null,
    ...(run.dryRun === true && { dryRun: true }),
    hosts: fleet.hosts.map(({ name, rack }) => ({ name, rack })),
    ...(run.rollout !== undefined && { rollout: run.rollout }),
    given,
  });
}

/** Who only reads takes nothing out of service: there, nothing but the number at once counts, and that of log-ins. */
function policyFor({ command, rollout, args, fleet }: Run): Policy {
  if (rollout === undefined) return atOnce(placesOf(args.parallel, fleet.hosts.length));
  return command === 'apply' ? policyOf(rollout) : atOnce(rollout.parallel);
}

/** A directory server is asked by every log-in, whatever it is for: that limit holds for those, too, who only read. */
function pacingFor(run: Run): Pick<HostContext, 'limits' | 'soak'> {
  const { command, rollout, args } = run;
  if (rollout === undefined) return sparingOf(connectingOf(run, args));
  return command === 'apply' ? pacingOf(rollout) : sparingOf(rollout.maxConnecting);
}

/** Whether a command is about the playbook that it was given. */
function named(command: Command): boolean {
  return command !== 'facts' && command !== 'restore' && command !== 'backups' && command !== 'boot explain';
}

function modeOf({ command, dryRun }: Run): Mode {
  if (command === 'undo' || command === 'restore' || command === 'backups') return dryRun === true ? 'plan' : 'apply';
  return command === 'boot explain' ? 'verify' : command;
}

const clock: Clock = {
  now: () => performance.now(),
  async sleep(milliseconds, signal) {
    // An abort only ends the pause; whoever pauses looks at the signal.
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  },
};

import type { Verdict } from '../checks/check.ts';
import type { Command, Failure, HostPlan, HostState, Phase, PlannedChange } from '../events/event.ts';
import type { Facts } from '../facts/facts.ts';
import type { Backup } from '../host/backup.ts';
import type { Leftover } from '../host/leftovers/finding.ts';
import type { Effect } from '../resources/effect.ts';
import type { Rollout } from '../rollout/rollout.ts';

/** What became of one host in a run. Times are ISO 8601, UTC. */
export interface HostSummary {
  readonly name: string;
  readonly rack: string | null;
  /** `null`: it has not ended. */
  readonly state: HostState | null;
  /** Why it ended as it did; `null` for `ok`. */
  readonly failure: Failure | null;
  /** Phases in order, with the time at which each began. */
  readonly phases: readonly { readonly phase: Phase; readonly at: string }[];
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** The latest plan. */
  readonly plan: HostPlan | null;
  /** The latest verdict of each gate. */
  readonly gates: readonly Verdict[];
  /** The latest verdict of each check of `verify`. */
  readonly checks: readonly Verdict[];
  /** Changes that were made, in order. */
  readonly written: readonly PlannedChange[];
  /** Effects that were made true, in order. */
  readonly settled: readonly Effect[];
  /** Write scripts that changed the host. */
  readonly writes: number;
  readonly reboots: number;
  readonly warnings: readonly string[];
  /** What an earlier preparation of it, by hand or by an installer, has left there. */
  readonly leftovers: readonly Leftover[];
  /** The latest facts, kept by the command `facts` only; `null` otherwise. */
  readonly facts: Facts | null;
  /** Why a reboot is due that was left to the operator; `null`: none is. */
  readonly rebootDue: string | null;
  /** It was drained, and not taken back into service; also told of a host whose controller died. */
  readonly drained: boolean;
  /** It did not come back from a reboot by itself, and its power was cycled. */
  readonly powerCycled: boolean;
  /** What `backups` found; `null` for other commands. */
  readonly backups: readonly Backup[] | null;
  /** Runs whose backups `backups --prune` removed, or in a dry run would remove. */
  readonly oldBackups: readonly string[];
}

/** A run as its events tell it, at any moment. */
export interface Summary {
  /** Name of the run; `null` before it started. */
  readonly run: string | null;
  readonly command: Command | null;
  /** It only showed what it would do. */
  readonly dryRun: boolean;
  readonly playbook: string | null;
  readonly startedAt: string | null;
  /** `null`: the run has not ended. */
  readonly endedAt: string | null;
  /** Milliseconds from the start to the end, or to the latest event. */
  readonly duration: number;
  readonly interrupted: boolean;
  /** How it goes about its hosts; `null` where it changes none. */
  readonly rollout: Rollout | null;
  /** Why no host started any more; `null`: it did not halt. */
  readonly halted: string | null;
  /** In the order of the run. */
  readonly hosts: readonly HostSummary[];
  readonly totals: Totals;
  /** Warnings that are about no host. */
  readonly warnings: readonly string[];
}

/** Numbers of hosts by how they ended, and sums over hosts. */
export interface Totals {
  readonly hosts: number;
  readonly states: Readonly<Record<HostState, number>>;
  /** Hosts that have not ended. */
  readonly notEnded: number;
  readonly writes: number;
  readonly reboots: number;
}

/** All states, the best first. */
export const hostStates: readonly HostState[] = [
  'ok',
  'skipped',
  'refused',
  'failed',
  'rolled-back',
  'unreachable',
  'lost',
];

/** A host of which nothing has been told. */
export function newHost(name: string, rack: string | null): HostSummary {
  return {
    name,
    rack,
    state: null,
    failure: null,
    phases: [],
    startedAt: null,
    endedAt: null,
    plan: null,
    gates: [],
    checks: [],
    written: [],
    settled: [],
    writes: 0,
    reboots: 0,
    warnings: [],
    leftovers: [],
    facts: null,
    rebootDue: null,
    drained: false,
    powerCycled: false,
    backups: null,
    oldBackups: [],
  };
}

/** Sums over hosts. */
export function totalsOf(hosts: readonly HostSummary[]): Totals {
  const states: Record<HostState, number> = {
    ok: 0,
    failed: 0,
    refused: 0,
    unreachable: 0,
    lost: 0,
    'rolled-back': 0,
    skipped: 0,
  };
  let notEnded = 0;
  let writes = 0;
  let reboots = 0;
  for (const host of hosts) {
    if (host.state === null) notEnded += 1;
    else states[host.state] += 1;
    writes += host.writes;
    reboots += host.reboots;
  }
  return { hosts: hosts.length, states, notEnded, writes, reboots };
}

/** Whether a plan would do anything: changes, or effects that an earlier run left due. */
export function isPending(plan: HostPlan): boolean {
  return plan.changes.length > 0 || plan.pending.length > 0 || plan.effects.length > 0;
}

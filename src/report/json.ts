import type { Verdict } from '../checks/check.ts';
import type { Around, Command, Failure, HostPlan, HostState, Phase, PlannedChange } from '../events/event.ts';
import type { Facts } from '../facts/facts.ts';
import type { Backup } from '../host/backup.ts';
import type { Leftover } from '../host/leftovers/finding.ts';
import type { Effect } from '../resources/effect.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { escapeJson } from './escape.ts';
import { exitCode } from './exit-code.ts';
import type { HostSummary, Summary } from './summary.ts';

/**
 * The document of `--json`. Keys are always there, `null` where there is nothing to say; a key that goes or changes its
 * meaning is a new version, a new key is not. Times are ISO 8601, UTC.
 */
export interface JsonDocument {
  readonly version: 1;
  readonly command: Command;
  /** It only showed what it would do. */
  readonly dryRun: boolean;
  /** Name of the run, and of its folder. */
  readonly run: string | null;
  readonly playbook: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly durationSeconds: number;
  readonly interrupted: boolean;
  /** Why no host started any more; `null`: the run did not halt. */
  readonly halted: string | null;
  /** How the run goes about its hosts, in numbers of hosts and milliseconds; `null` where it changes none. */
  readonly rollout: Rollout | null;
  /** The exit code of the command. */
  readonly exitCode: number;
  readonly totals: JsonTotals;
  /** In the order of the inventory. */
  readonly hosts: readonly JsonHost[];
  /** Warnings that are about no host. */
  readonly warnings: readonly string[];
}

/** Numbers of hosts by how they ended, and sums over hosts. */
export type JsonTotals = Readonly<Record<HostState | 'hosts' | 'notEnded' | 'writes' | 'reboots', number>>;

/** One host in the document of `--json`. */
export interface JsonHost {
  readonly name: string;
  readonly rack: string | null;
  /** `null`: it has not ended. */
  readonly state: HostState | null;
  /** Why it ended so; `null` for `ok`. `code` is stable, `message` is for people. */
  readonly failure: Failure | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly phases: readonly { readonly phase: Phase; readonly at: string }[];
  readonly gates: readonly Verdict[];
  readonly checks: readonly Verdict[];
  /** What was due by the latest plan; `null`: none was made. */
  readonly plan: {
    readonly changes: readonly PlannedChange[];
    /** Effects left over from an earlier run. */
    readonly pending: readonly Effect[];
    /** Effects to be made true, in order. */
    readonly effects: readonly Effect[];
    /** What runs around the reboot that is among them, or takes a drained host back; `null`: nothing. */
    readonly around: Around | null;
  } | null;
  /** Changes and effects that were made, in order. */
  readonly written: readonly PlannedChange[];
  readonly settled: readonly Effect[];
  /** Write scripts that changed the host. */
  readonly writes: number;
  readonly reboots: number;
  readonly warnings: readonly string[];
  /** What an earlier preparation of it, by hand or by an installer, has left there, and what becomes of that. */
  readonly leftovers: readonly Leftover[];
  /** What `facts` found; `null` for other commands. */
  readonly facts: Facts | null;
  /** Why a reboot is due that `undo` or `restore` left to the operator; `null`: none is. */
  readonly rebootDue: string | null;
  /** A drain hook took it out of service, and it was not taken back. */
  readonly drained: boolean;
  /** It did not come back from a reboot by itself, and its power was cycled from outside. */
  readonly powerCycled: boolean;
  /** What `backups` found; `null` for other commands. */
  readonly backups: readonly Backup[] | null;
  /** Runs whose backups `backups --prune` removed, or in a dry run would remove. */
  readonly oldBackups: readonly string[];
}

/** A run as one JSON text, ended by a line end; safe to show on a terminal. `code`: where more counts than this run. */
export function renderJson(summary: Summary, command: Command, code = exitCode(summary, command)): string {
  return `${escapeJson(JSON.stringify(documentOf(summary, command, code), null, 2))}\n`;
}

function documentOf(summary: Summary, command: Command, code: number): JsonDocument {
  const { run, dryRun, playbook, startedAt, endedAt, interrupted, halted, rollout, totals, warnings } = summary;
  const { states, ...sums } = totals;
  return {
    version: 1,
    command,
    dryRun,
    run,
    playbook,
    startedAt,
    endedAt,
    durationSeconds: summary.duration / 1000,
    interrupted,
    halted,
    rollout,
    exitCode: code,
    totals: { ...sums, ...states },
    hosts: summary.hosts.map(hostOf),
    warnings,
  };
}

function dueIn({ changes, pending, effects, around }: HostPlan): JsonHost['plan'] {
  return { changes, pending, effects, around: around ?? null };
}

function hostOf(host: HostSummary): JsonHost {
  const { name, rack, state, failure, startedAt, endedAt, phases, gates, checks, plan } = host;
  const { written, settled, writes, reboots, warnings, leftovers, facts } = host;
  const { rebootDue, drained, powerCycled, backups, oldBackups } = host;
  const due = plan === null ? null : dueIn(plan);
  return {
    ...{ name, rack, state, failure, startedAt, endedAt, phases, gates, checks },
    plan: due,
    ...{ written, settled, writes, reboots, warnings, leftovers, facts, rebootDue, drained, powerCycled },
    ...{ backups, oldBackups },
  };
}

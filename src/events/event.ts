import type { Verdict } from '../checks/check.ts';
import type { ErrorParts } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { Backup } from '../host/backup.ts';
import type { Leftover } from '../host/leftovers/finding.ts';
import type { Effect } from '../resources/effect.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { Given } from './given.ts';

/** How a host ended. Every host of a run ends in exactly one. */
export type HostState = 'ok' | 'failed' | 'refused' | 'unreachable' | 'lost' | 'rolled-back' | 'skipped';

export type Command = 'plan' | 'apply' | 'verify' | 'facts' | 'undo' | 'restore' | 'backups' | 'boot explain';

export type Phase =
  | 'connect'
  | 'facts'
  | 'gate'
  | 'plan'
  | 'apply'
  | 'settle'
  | 'drain'
  | 'reboot'
  | 'verify'
  | 'soak'
  | 'undrain';

/** What an operator has put around a host: see `docs/hooks.md`. */
export type HookName = 'drain' | 'undrain' | 'power';

/** A change as it is shown, stored and compared: `digest` is of everything that it would do. */
export interface PlannedChange {
  readonly resource: string;
  readonly summary: string;
  readonly diffs: readonly string[];
  readonly effects: readonly Effect[];
  readonly notes: readonly string[];
  readonly digest: string;
  /** What each path holds once it is made: mode, owner and SHA-256, or `absent`. */
  readonly after?: Readonly<Record<string, string>> | undefined;
  /** It comes after a planned reboot, so the host may look different by then. */
  readonly tentative: boolean;
  /** Which `ensure` of the playbook it belongs to, counted from 0. */
  readonly step: number;
}

/** A hook as a plan shows it. */
export interface PlannedHook {
  readonly kind: 'command' | 'function';
  /** Where a command runs; `null`: a function runs on the controller, and reaches out as it likes. */
  readonly where: 'host' | 'controller' | null;
  readonly timeoutSeconds: number;
  /** What it does, where that is known; `null`: only its author knows. */
  readonly about: string | null;
}

/** What would run around the planned reboot of a host, or take it back into service. `null`: nothing of that kind. */
export interface Around {
  readonly drain: PlannedHook | null;
  readonly undrain: PlannedHook | null;
  /** What cycles its power where it does not come back. */
  readonly power: { readonly program: string; readonly timeoutSeconds: number } | null;
}

/** What is due on one host. */
export interface HostPlan {
  readonly host: string;
  readonly rack: string | null;
  readonly gates: readonly Verdict[];
  readonly changes: readonly PlannedChange[];
  /** Effects left over from an earlier run that did not finish. */
  readonly pending: readonly Effect[];
  /** Effects that settle would consume, in order. */
  readonly effects: readonly Effect[];
  /** Absent: nothing runs around a reboot, or none is planned. */
  readonly around?: Around | undefined;
  /** `/etc/machine-id`: the machine that the plan was made for. */
  readonly machineId: string | null;
  /** Every fact that the playbook read, by its dotted path; a saved plan holds only while they are the same. */
  readonly factsRead: Readonly<Record<string, unknown>>;
}

/** Why a host ended as it did; absent for `ok`. */
export type Failure = Omit<ErrorParts, 'cause'> & { readonly message: string };

/**
 * Everything that happens in a run. Reports, the journal and the exit code are folds of these; nothing else leaves the
 * core. `intent` events are on disk before the act that they announce.
 */
export type Event =
  | {
      readonly type: 'run-started';
      readonly run: string;
      readonly command: Command;
      readonly playbook: string | null;
      /** It only shows what it would do. */
      readonly dryRun?: boolean;
      readonly hosts: readonly { readonly name: string; readonly rack: string | null }[];
      /** How it goes about its hosts, where it changes them. */
      readonly rollout?: Rollout;
      /** What it was asked for; absent: it cannot be gone on with. */
      readonly given?: Given;
    }
  | {
      /** The run goes on after its controller died or was stopped; the same journal goes on with it. */
      readonly type: 'run-resumed';
      readonly run: string;
      readonly command: Command;
      /** 2 for the first time that it is resumed. */
      readonly part: number;
      /** Hosts that have not ended, or are to be run again: all others stay as they ended. */
      readonly left: readonly string[];
      /** Of these, hosts that had ended, and of which it is only asked whether they are back. Absent: none. */
      readonly looked?: readonly string[];
      /** So many hosts may end badly in the whole run from now on; absent: as before. */
      readonly maxFailures?: number;
    }
  /** No host starts any more. Those at work come to their own end. */
  | { readonly type: 'halted'; readonly why: string }
  /** No host starts before a maintenance window opens: ISO 8601, UTC. */
  | { readonly type: 'held'; readonly until: string }
  | { readonly type: 'host-started'; readonly host: string }
  | { readonly type: 'phase'; readonly host: string; readonly phase: Phase; readonly detail?: string }
  | { readonly type: 'facts-read'; readonly host: string; readonly facts: Facts }
  | { readonly type: 'leftovers'; readonly host: string; readonly leftovers: readonly Leftover[] }
  | {
      readonly type: 'backups';
      readonly host: string;
      readonly backups: readonly Backup[];
      /** Names of runs whose backups were removed, or in a dry run would be. */
      readonly old: readonly string[];
    }
  | { readonly type: 'planned'; readonly host: string; readonly plan: HostPlan }
  | { readonly type: 'write-intent'; readonly host: string; readonly changes: readonly PlannedChange[] }
  | { readonly type: 'written'; readonly host: string; readonly changes: readonly PlannedChange[] }
  | { readonly type: 'effect-intent'; readonly host: string; readonly effect: Effect }
  | { readonly type: 'effect-done'; readonly host: string; readonly effect: Effect }
  | { readonly type: 'hook-intent'; readonly host: string; readonly hook: HookName }
  | { readonly type: 'hook-done'; readonly host: string; readonly hook: HookName }
  | { readonly type: 'rebooted'; readonly host: string; readonly bootIdBefore: string; readonly bootIdAfter: string }
  | { readonly type: 'verdict'; readonly host: string; readonly phase: 'gate' | 'verify'; readonly verdict: Verdict }
  | { readonly type: 'warning'; readonly host: string | null; readonly text: string }
  | { readonly type: 'progress'; readonly host: string; readonly line: string }
  | {
      readonly type: 'host-ended';
      readonly host: string;
      readonly state: HostState;
      readonly failure?: Failure;
      readonly writes: number;
      readonly reboots: number;
      /** It is drained, and was not taken back into service. */
      readonly drained?: boolean;
      /** It did not come back by itself, and its power was cycled. */
      readonly powerCycled?: boolean;
      /** Why a reboot is due that was left to the operator. */
      readonly rebootDue?: string;
      /** It is out of service, and counts as in flight. Default: when it is lost. */
      readonly holdsSlot?: boolean;
    }
  | { readonly type: 'run-ended'; readonly interrupted: boolean };

/** Events that are on disk before the act that they announce. */
export type Intent = Extract<
  Event,
  { readonly type: 'run-started' | 'run-resumed' | 'host-started' | 'write-intent' | 'effect-intent' | 'hook-intent' }
>;

/** Events that tell what is so, or what was done. */
export type Notice = Exclude<Event, Intent>;

/** An event with the time at which the bus took it: ISO 8601, UTC. */
export type Stamped = Event & { readonly at: string };

/** Event types that must be on disk before the act. */
export const intents: ReadonlySet<Event['type']> = new Set([
  'run-started',
  'run-resumed',
  'host-started',
  'write-intent',
  'effect-intent',
  'hook-intent',
]);

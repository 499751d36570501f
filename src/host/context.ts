import type { Bus } from '../events/bus.ts';
import type { HostPlan } from '../events/event.ts';
import type { Hooks, Power } from '../hooks/hook.ts';
import type { InventoryHost } from '../inventory/host.ts';
import type { Playbook } from '../playbook/define.ts';
import type { Shell } from '../shell/shell.ts';
import type { Holder, LeasePolicy } from './lease.ts';
import type { Limits } from './limits.ts';
import type { Clock, RebootPolicy } from './reboot.ts';

/** What a host run may do. `plan` and `verify` write nothing. */
export type Mode = 'plan' | 'apply' | 'verify' | 'facts';

/** What is done instead of a playbook's `apply`; with the mode `plan` it is only shown. */
export type Task =
  /** Take away what the playbook of the context has added. `force`: also restore files that somebody has changed since. */
  | {
      readonly kind: 'undo';
      readonly force: boolean;
      /** Told of each host which playbooks its record knows. */
      readonly tell?: (playbooks: readonly string[]) => void;
    }
  /** Put the files back that a run has kept. */
  | { readonly kind: 'restore'; readonly run: string }
  /** List the backups. `keep`: and remove all but the newest so many, as far as no undo may need them. */
  | { readonly kind: 'backups'; readonly keep: number | null };

/** Everything that one host's run needs, normalised once at the edge. */
export interface HostContext {
  readonly host: InventoryHost;
  /** The playbook's variables, validated. */
  readonly vars: unknown;
  readonly playbook: Playbook;
  readonly mode: Mode;
  readonly task?: Task;
  /** Names the run on the host: for backups and jobs. Letters, digits and `-`. */
  readonly run: string;
  /** Which part of that run it is, where its controller died and it goes on. Default: 1. */
  readonly part?: number;
  readonly shell: Shell;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly reboot: RebootPolicy;
  /** Reboot although guests run. */
  readonly guestsAllowed: boolean;
  /** Make a reboot once more that was in vain, though nothing has changed since. */
  readonly rebootAgain: boolean;
  /** Take over what stood there before, where it is as it would be written. Default: leave it to whoever wrote it. */
  readonly adopt?: boolean;
  /** What `apply` was shown and must do exactly; absent: whatever is due. */
  readonly expected?: HostPlan;
  /** A part of that may be done: an earlier part of the run, or the run that this one repeats, was cut off in it. */
  readonly underWay?: boolean;
  /**
   * An earlier part of the run asked for the end of this boot (`null`: of an unknown one) and did not hear of it again: the
   * host may be away, and is waited for.
   */
  readonly rebootAsked?: string | null | undefined;
  /** An earlier part of the run has changed it, or may have. */
  readonly begunEarlier?: boolean;
  /** An earlier part of the run has lost it: it is asked once whether it answers again, and is not waited for. */
  readonly lostEarlier?: boolean;
  /** An earlier part of the run has drained it, and not taken it back: so it is, where the host cannot say. */
  readonly drainedEarlier?: boolean;
  /** Who the run is, for others that want to work on the same host. Default: somebody. */
  readonly holder?: Holder;
  readonly lease?: LeasePolicy;
  /** Milliseconds for which a host is watched after it was verified. Default: none. */
  readonly soak?: number;
  /** Shared by the hosts of the run. Default: none. */
  readonly limits?: Limits;
  /** What stands around a reboot. Default: nothing. */
  readonly hooks?: Hooks;
  /** Turns the machine off and on, where it does not come back from a reboot. Default: nobody does. */
  readonly power?: Power;
  /** Aborted: come to a safe end at the next boundary between steps. */
  readonly stop: AbortSignal;
  /** Aborted: also give up waiting. */
  readonly abandon: AbortSignal;
}

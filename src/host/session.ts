import type { OwnedArguments } from '../boot/owned.ts';
import type { Verdict } from '../checks/check.ts';
import type { HostPlan, Phase, PlannedChange } from '../events/event.ts';
import type { Facts } from '../facts/facts.ts';
import { trackFacts } from '../facts/track.ts';
import type { Effect } from '../resources/effect.ts';
import { mergeEffects } from '../resources/effect-order.ts';
import type { Wants } from '../resources/resource.ts';
import { aroundOf } from './around.ts';
import type { HostContext } from './context.ts';
import type { Subject } from './handle.ts';
import { interruptedAt } from './interrupt.ts';
import { emptyRecord, type HostRecord } from './record.ts';

/** One host's run while it lasts: what is known of the host, and what has been planned and done. */
export class Session {
  readonly context: HostContext;
  /** As the latest probe found them. */
  facts: Facts;
  /** The record as the host has it, as far as it was read. */
  record: HostRecord = emptyRecord;
  /** Of the record's text on the host: SHA-256, or `absent`. */
  recordDigest = 'absent';
  /** Something may have been written: it is no longer as if the run had not been. */
  begun = false;
  /** A reboot is planned: what is planned after it may turn out otherwise. */
  tentative = false;
  /** Number of `ensure` calls so far. */
  step = 0;
  /** Something was changed since the facts were read. */
  stale = false;
  /** The boot in which this run has last generated something, or a later one than that; `null`: it has not. */
  generatedIn: string | null = null;
  /** The answer to a write was lost: its script may still be at work. */
  unanswered = false;
  /** The lease on the host may be this run's. */
  holding = false;
  /** Ends the renewing of the lease; `null`: none was taken yet. */
  renewal: AbortController | null = null;
  /** The host is away for a reboot. */
  away = false;
  /** Processes that are known to have ended, though their leases have not. */
  readonly endedHolders = new Set<string>();
  /** It was drained, and not taken back yet. */
  drained = false;
  /** Its power was cycled, as it did not come back from a reboot. */
  powerCycled = false;
  /** An earlier part of this run has been at work here. */
  resumed = false;
  writes = 0;
  /** Reboots that this run asked for. */
  reboots = 0;
  /** It has booted anew during this run, whoever asked for that: facts may rightly be others than before. */
  rebooted = false;
  /** What an earlier run staged for a reboot was lost, and is staged again. */
  restaged = false;
  /** Changes of the plan that `apply` was given were found in place, and nothing has been left to do so far. */
  inPlace = false;
  readonly gates: Verdict[] = [];
  readonly changes: PlannedChange[] = [];
  /** What earlier runs left due, as first read. */
  pending: readonly Effect[] = [];
  /** Effects that are due now, in order. */
  due: readonly Effect[] = [];
  /** Effects that a `settle` of the playbook consumes, in order. */
  settled: readonly Effect[] = [];
  wants: Wants = {};
  /** Why a reboot is due that the run leaves to the operator; `null`: none is. */
  rebootDue: string | null = null;
  /** Kernel arguments that earlier `ensure`s of this run own. */
  ownedEarlier: OwnedArguments = {};
  /** Paths that the `ensure`s of this run have read. */
  readonly named = new Set<string>();
  readonly factsRead: Record<string, unknown> = {};

  /** What the playbook has asked for and is not done yet. */
  readonly underWay = new Set<Promise<unknown>>();

  constructor(context: HostContext, facts: Facts) {
    this.context = context;
    this.facts = facts;
  }

  get name(): string {
    return this.context.host.name;
  }

  /** What the playbook may see of the host; each fact that it reads is noted for the plan. */
  get subject(): Subject<unknown, unknown> {
    const { host, vars } = this.context;
    const { name, rack, groups } = host;
    const facts = trackFacts(this.facts, (path, value) => {
      // Only the first reading counts: after a reboot the playbook may rightly find something else.
      if (!this.rebooted) this.factsRead[path] ??= value;
    });
    return { name, rack, groups, vars, facts: facts as Subject<unknown, unknown>['facts'] };
  }

  /** Keeps work in `underWay` until it has ended. */
  async follow<Value>(work: Promise<Value>): Promise<Value> {
    this.underWay.add(work);
    try {
      return await work;
    } finally {
      this.underWay.delete(work);
    }
  }

  /** Adds effects that became due. */
  addDue(effects: readonly Effect[]): void {
    this.due = mergeEffects([...this.due, ...effects]);
  }

  enter(phase: Phase, detail?: string): void {
    this.context.bus.emit({ type: 'phase', host: this.name, phase, ...(detail !== undefined && { detail }) });
  }

  /** Comes to an end here when somebody asked to stop: nothing has been begun that is not written down. */
  stopHere(): void {
    if (this.context.stop.aborted) throw interruptedAt(this.name, this.begun);
  }

  /** The plan as far as it was made. */
  get plan(): HostPlan {
    return {
      host: this.name,
      rack: this.context.host.rack,
      gates: this.gates,
      changes: this.changes,
      pending: this.pending,
      effects: this.settled,
      around: aroundOf(this),
      machineId: this.facts.identity.machineId,
      factsRead: this.factsRead,
    };
  }
}

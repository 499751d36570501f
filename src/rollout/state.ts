import type { HostState } from '../events/event.ts';

/** Where one host stands in a rollout. */
export type Standing =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'working'; readonly was?: HostState }
  /**
   * It was at work when the controller died: it holds its slot, and goes on before anybody else starts. `was`: it had ended so,
   * and somebody looks whether it is back; it counts as that until it has ended anew.
   */
  | { readonly kind: 'cut-off'; readonly was?: HostState }
  | {
      readonly kind: 'ended';
      readonly state: HostState;
      /** It is out of service, and counts as in flight: it was lost, or drained and not taken back. */
      readonly holdsSlot: boolean;
      /** The run has changed it before it was refused: it is not as it was. */
      readonly changed?: boolean;
      /** It may be down, as far as anybody knows. */
      readonly silent?: boolean;
    };

/** A rollout at one moment. Plain data; `step` makes the next one. */
export interface RolloutState {
  /** Every host of the rollout, in the order in which they may start. */
  readonly hosts: ReadonlyMap<string, Standing>;
  /** Somebody asked to stop: nobody starts any more. */
  readonly stopping: boolean;
  /** When a host last started, on the clock of `Moment.now`; `null`: none has. */
  readonly lastStart: number | null;
}

/** What a rollout is told. */
export type RolloutEvent =
  | { readonly type: 'started'; readonly host: string; readonly now: number }
  | {
      readonly type: 'ended';
      readonly host: string;
      readonly state: HostState;
      readonly holdsSlot: boolean;
      readonly changed?: boolean;
    }
  | { readonly type: 'stop' };

/** Whether a host that ended so is down, as far as anybody knows: whoever took it there. */
export function isDown(state: HostState): boolean {
  return state === 'lost' || state === 'unreachable';
}

/** The state before anything happened. */
export function beginRollout(hosts: readonly string[]): RolloutState {
  return { hosts: new Map(hosts.map((host) => [host, { kind: 'waiting' }])), stopping: false, lastStart: null };
}

/** The state after an event. Pure. An event about a host that it cannot be true of is a bug and throws. */
export function step(state: RolloutState, event: RolloutEvent): RolloutState {
  if (event.type === 'stop') return { ...state, stopping: true };
  const before = state.hosts.get(event.host);
  const wanted = event.type === 'started' ? ['waiting', 'cut-off'] : ['waiting', 'cut-off', 'working'];
  if (before === undefined || !wanted.includes(before.kind)) {
    throw new Error(`rollout: ${event.host} cannot be ${event.type} when it is ${before?.kind ?? 'not part of it'}`);
  }
  const after = event.type === 'started' ? working(before) : endedAs(event);
  return {
    ...state,
    hosts: new Map(state.hosts).set(event.host, after),
    lastStart: event.type === 'started' ? event.now : state.lastStart,
  };
}

function working(before: Standing): Standing {
  const was = 'was' in before ? before.was : undefined;
  return { kind: 'working', ...(was !== undefined && { was }) };
}

function endedAs({ state, holdsSlot, changed = false }: Extract<RolloutEvent, { readonly type: 'ended' }>): Standing {
  return { kind: 'ended', state, holdsSlot, ...(changed && { changed }) };
}

/** How a host ended. */
export interface End {
  readonly state: HostState;
  readonly writes: number;
  readonly reboots: number;
  readonly failure?: { readonly code: string } | undefined;
}

/**
 * Whether a run has changed a host that it refused then. One with running guests is as it was until its reboot, which is due and
 * shown as that.
 */
export function isHalfDone({ state, writes, reboots, failure }: End): boolean {
  return state === 'refused' && writes + reboots > 0 && failure?.code.startsWith('guests.') !== true;
}

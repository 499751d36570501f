import type { HostState } from '../events/event.ts';

/** Where one host stands in a rollout. */
export type Standing =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'working' }
  /** It was at work when the controller died: it holds its slot, and goes on before anybody else starts. */
  | { readonly kind: 'cut-off' }
  | {
      readonly kind: 'ended';
      readonly state: HostState;
      /** It is out of service, and counts as in flight: it was lost, or drained and not taken back. */
      readonly holdsSlot: boolean;
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
  | { readonly type: 'ended'; readonly host: string; readonly state: HostState; readonly holdsSlot: boolean }
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
  const after: Standing =
    event.type === 'started' ? { kind: 'working' } : { kind: 'ended', state: event.state, holdsSlot: event.holdsSlot };
  return {
    ...state,
    hosts: new Map(state.hosts).set(event.host, after),
    lastStart: event.type === 'started' ? event.now : state.lastStart,
  };
}

import type { HostState } from '../events/event.ts';

/** Ends after which a host can be tried again. */
export const retried: readonly HostState[] = ['failed', 'unreachable', 'lost', 'refused', 'skipped', 'rolled-back'];

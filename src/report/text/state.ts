import type { HostState } from '../../events/event.ts';
import type { Paint } from '../paint.ts';

/** The name of a state in its colour. `null`: the host has not ended. */
export function stateText(state: HostState | null, paint: Paint): string {
  if (state === 'ok') return paint.good('ok');
  if (state === 'refused' || state === 'skipped') return paint.doubtful(state);
  return paint.bad(state ?? 'not ended');
}

import type { Command, HostState } from '../../events/event.ts';
import type { Paint } from '../paint.ts';

/** What is said of a host on which a command finds everything as it should be. */
export function nothingTo(command: Command | null | undefined): string {
  return `nothing to ${command === 'undo' || command === 'restore' ? command : 'do'}`;
}

/** The name of a state in its colour. `null`: the host has not ended. */
export function stateText(state: HostState | null, paint: Paint): string {
  if (state === 'ok') return paint.good('ok');
  if (state === 'refused' || state === 'skipped') return paint.doubtful(state);
  return paint.bad(state ?? 'not ended');
}

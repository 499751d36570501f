import type { HostState } from '../events/event.ts';

/** Codes of errors by which vfleet itself declines, before or instead of an act that could harm. */
const refusals: readonly string[] = [
  'gate.',
  'plan.',
  'device.',
  'ensure.',
  'virtual-functions.',
  'guests.',
  'host.leased',
  'boot.',
  'file.type',
  'hugepages.',
  'modules.absent',
  'record.newer',
  'record.unreadable',
];

/** Codes of errors that say that the host could not be talked to at all. */
const unreachable: readonly string[] = ['ssh.'];

/** Codes of errors that say that it does not answer any more after it was changed. */
const lost: ReadonlySet<string> = new Set(['reboot.lost', 'settle.lost', 'soak.lost', 'host.lost']);

/**
 * The state in which an error leaves a host. `begunEarlier`: an earlier part of the run has changed it, so that a gate that is
 * closed now tells how it came out of that.
 */
export function stateOfError(code: string, begun: boolean, begunEarlier = false): HostState {
  const is = (prefixes: readonly string[]): boolean => prefixes.some((prefix) => code.startsWith(prefix));
  if (lost.has(code)) return 'lost';
  if (code === 'interrupted') return begun ? 'failed' : 'skipped';
  if (begunEarlier && code.startsWith('gate.')) return 'failed';
  if (is(refusals)) return 'refused';
  return is(unreachable) ? 'unreachable' : 'failed';
}

/** Whether an error says that a host may be down now, or soon: nobody comes to talk to it, or a reboot that it has accepted is due. */
export function mayBeDown(code: string): boolean {
  return /^(?:ssh|shell|sudo)\./.test(code) || code === 'reboot.not-started';
}

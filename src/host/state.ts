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

/** The state in which an error leaves a host. */
export function stateOfError(code: string, begun: boolean): HostState {
  const is = (prefixes: readonly string[]): boolean => prefixes.some((prefix) => code.startsWith(prefix));
  if (lost.has(code)) return 'lost';
  if (code === 'interrupted') return begun ? 'failed' : 'skipped';
  if (is(refusals)) return 'refused';
  return is(unreachable) ? 'unreachable' : 'failed';
}

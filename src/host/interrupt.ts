import { VfleetError } from '../errors.ts';

/** The error of a host that was stopped at a safe boundary. */
export function interruptedAt(host: string, changed: boolean): VfleetError {
  return new VfleetError({
    code: 'interrupted',
    host,
    thing: changed
      ? 'interrupted between two steps; what is still due is written down on the host'
      : 'interrupted before anything was written',
    next: 'run `vfleet apply` again: it goes on from here',
  });
}

import { asVfleetError, VfleetError } from '../errors.ts';
import { interruptedAt } from './interrupt.ts';
import { probeHost } from './probe.ts';
import { isAway } from './reboot.ts';
import type { Session } from './session.ts';

/**
 * Watches a host for a while after it was verified, and then judges it once more: what breaks minutes after a boot must not
 * spread. A host that this run has not touched is not watched. Errors: `soak.rebooted`, `soak.lost`, `interrupted`, and
 * those of `verify`.
 */
export async function soak(session: Session, verify: () => Promise<void>): Promise<void> {
  const { context, name, facts } = session;
  const { soak: milliseconds = 0, clock, stop, underWay = false } = context;
  // Of an earlier part of the run that came to a safe end in its soak, no lease tells.
  if (milliseconds === 0 || !(session.begun || session.resumed || underWay)) return;
  const time = printTime(milliseconds);
  session.enter('soak', `verified; looked at again in ${time}`);
  await clock.sleep(milliseconds, stop);
  if (stop.aborted) throw interruptedAt(name, session.begun);
  try {
    session.facts = await probeHost(context, 'soak');
  } catch (thrown) {
    throw thrown instanceof VfleetError && isAway(thrown) ? lost(name, time, thrown) : thrown;
  }
  session.stale = false;
  if (session.facts.identity.bootId !== facts.identity.bootId) throw rebooted(name, time);
  try {
    await verify();
  } catch (thrown) {
    throw asVfleetError(thrown).about(`it was right, and is not any more after ${time}`);
  }
}

function printTime(milliseconds: number): string {
  return milliseconds % 60_000 === 0 ? `${milliseconds / 60_000} min` : `${milliseconds / 1000} s`;
}

function lost(host: string, time: string, last: VfleetError): VfleetError {
  return new VfleetError({
    code: 'soak.lost',
    host,
    thing: 'the host',
    expected: `that it still answers ${time} after it was verified`,
    found: last.parts.found ?? last.message,
    next: 'look at its console; when it is up again, run `vfleet apply` again',
  });
}

function rebooted(host: string, time: string): VfleetError {
  return new VfleetError({
    code: 'soak.rebooted',
    host,
    thing: 'the host',
    expected: `that it runs on for ${time} after it was verified`,
    found: 'that it has booted anew, and not for this run',
    next: 'look into its log for why (`journalctl -b -1 -e`), then run `vfleet apply` again',
  });
}

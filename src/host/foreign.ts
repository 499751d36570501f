import { VfleetError } from '../errors.ts';
import type { Session } from './session.ts';

/** Milliseconds that a playbook has for its own end, once nothing of ours is under way any more. */
const grace = 500;

/**
 * Waits for code of a playbook, which may never come to an end by itself. When waiting is given up, what the handle has
 * under way ends first and says why; then the playbook is left alone. Errors: `interrupted`, and those of the work.
 */
export async function awaitPlaybook(session: Session, work: () => Promise<void> | void): Promise<void> {
  const { abandon, clock } = session.context;
  const over = new AbortController();
  const giveUp = async (): Promise<void> => {
    await aborted(abandon, over.signal);
    while (session.underWay.size > 0) await Promise.allSettled(session.underWay);
    await clock.sleep(grace, over.signal);
    throw neverEnded(session.name);
  };
  try {
    await Promise.race([work(), giveUp()]);
  } finally {
    over.abort();
  }
}

/** Resolves when the signal aborts; listens no longer than until `over`. */
function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true, signal: over });
  });
}

function neverEnded(host: string): VfleetError {
  return new VfleetError({
    code: 'interrupted',
    host,
    thing: "the playbook's apply()",
    expected: 'that it comes to an end',
    found: 'that it still waits for something of its own',
    next: 'look there for what never ends, then run `vfleet apply` again: it goes on from here',
  });
}

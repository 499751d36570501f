import { asVfleetError } from '../errors.ts';
import { describeLease, type Lease, leased } from './lease.ts';
import { isAway, secondsToBack } from './reboot.ts';
import type { Session } from './session.ts';

/** Milliseconds between two looks at a lease that is waited for. */
const betweenLooks = 10_000;

/** Milliseconds that a look may take. */
const slack = 5_000;

/**
 * Takes over the lease that another controller of this run has left, so that others stay out also where nothing is left to write:
 * at once where that is known to have ended, else when the lease has run out. A controller that renews it meanwhile is alive:
 * it has the host. Gives whether it took time. Errors: `host.leased`, `interrupted`.
 */
export async function takeOver(session: Session, ask: (back: number) => Promise<Lease | null>): Promise<boolean> {
  const { context, name } = session;
  const { run, clock, bus, stop, shell, rebootAsked } = context;
  // The end of this boot may have been asked for already.
  const back = rebootAsked === undefined ? 0 : secondsToBack(context);
  session.resumed = true;
  let lease = await ask(back);
  if (lease === null) return false;
  const text = `another controller of this run may be at work on it, and is waited for: ${describeLease(lease)}`;
  bus.emit({ type: 'warning', host: name, text });
  const until = clock.now() + lease.left * 1000 + slack;
  for (;;) {
    if (lease.hold === 'newer' || clock.now() > until) throw leased(name, lease, run);
    session.enter('connect', `another controller of this run has ${lease.left} s left`);
    await clock.sleep(Math.min(betweenLooks, (lease.left + 1) * 1000), stop);
    session.stopHere();
    const now = await ask(back).catch((thrown: unknown) => {
      // It may have asked for a reboot.
      if (!isAway(asVfleetError(thrown)) || clock.now() > until) throw thrown;
      return shell.disconnect().then(() => 'away' as const);
    });
    if (now === null) return true;
    if (now === 'away') continue;
    if (isAlive(lease, now)) throw leased(name, now, run);
    lease = now;
  }
}

/** Whether somebody was heard of between two looks. */
function isAlive(before: Lease, now: Lease): boolean {
  return now.left > before.left || now.hold !== before.hold || now.process !== before.process;
}

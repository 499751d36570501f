import { VfleetError } from '../errors.ts';
import type { Script } from '../shell/script.ts';
import type { Output, RunOptions } from '../shell/shell.ts';
import {
  defaultLeasePolicy,
  describeLease,
  type Lease,
  type LeasePolicy,
  leased,
  parseLease,
  unknownHolder,
} from './lease.ts';
import { type Claim, claimLease, releaseLease, renewLease, takeLease } from './lease-script.ts';
import type { Session } from './session.ts';
import { takeOver } from './take-over.ts';

/**
 * Runs a script that changes the host or asks for its reboot. `scriptOf` splices in what it is given, at a place where
 * nothing is written yet: it takes the lease, or ends the script. Errors: `host.leased`, `host.unleased`, those of `run`.
 */
export async function runHeld(
  session: Session,
  scriptOf: (lease: Script) => Script,
  options: RunOptions & { readonly back?: number } = {},
): Promise<Output> {
  const { output, other } = await tryHeld(session, scriptOf, options);
  if (other !== null) throw leased(session.name, other, session.context.run);
  return output;
}

/**
 * What a run does about the lease that it finds: a run that writes is refused only when it comes to that, and one that goes on
 * takes its own lease over. Gives whether it had to wait for that: what was read before is old by now.
 */
export async function noticeLease(session: Session, lease: Lease | null): Promise<boolean> {
  const { run, mode, bus } = session.context;
  if (lease === null) return false;
  if (mode === 'apply' && lease.run === run) return takeOver(session, (back) => claim(session, back));
  if (mode !== 'apply' && lease.hold !== 'free')
    bus.emit({ type: 'warning', host: session.name, text: `another run is at work on it: ${describeLease(lease)}` });
  return false;
}

/**
 * Takes the lease, or has the host judge it anew: renewals may have failed for longer than it lasts, or this machine have slept,
 * and then another run may have the host. Errors: `host.leased`, `host.unleased`.
 */
export async function hold(session: Session): Promise<void> {
  // A claim may be made twice: once more on a new link, where the first one broke.
  const other = await claim(session, 0).catch((thrown: unknown) => {
    if (thrown instanceof VfleetError && thrown.code === 'ssh.lost') return claim(session, 0);
    throw thrown;
  });
  if (other !== null) throw leased(session.name, other, session.context.run);
}

/** Gives the lease back. What keeps it from that is no failure of the host: the lease runs out. */
export async function release(session: Session): Promise<void> {
  session.renewal?.abort();
  if (!session.holding || session.away) return;
  session.holding = false;
  try {
    await session.context.shell.run(releaseLease(claimOf(session, 0)), { timeout: 10_000 });
  } catch (thrown) {
    if (!(thrown instanceof VfleetError)) throw thrown;
  }
}

/** What a script printed, or the lease of somebody else, for which it ended with nothing done. */
type Tried = { readonly output: Output; readonly other: Lease | null };

async function tryHeld(
  session: Session,
  scriptOf: (lease: Script) => Script,
  { back = 0, ...options }: RunOptions & { readonly back?: number },
): Promise<Tried> {
  for (;;) {
    // Whether an answer comes or not: from here on the lease may be ours.
    session.holding = true;
    const output = await session.context.shell.run(scriptOf(takeLease(claimOf(session, back))), options);
    if (output.sections.has('unleased')) throw unleased(session.name, output);
    const other = output.sections.has('leased') ? parseLease(output) : null;
    if (other === null) {
      keepRenewing(session);
      return { output, other };
    }
    session.holding = false;
    if (session.endedHolders.has(other.process) || !isOver(session, other)) return { output, other };
    session.endedHolders.add(other.process);
  }
}

/** Takes the lease alone; gives that of somebody else, where there is one. */
async function claim(session: Session, back: number): Promise<Lease | null> {
  // The script takes it itself.
  const scriptOf = (): Script => claimLease(claimOf(session, back));
  return (await tryHeld(session, scriptOf, { back, signal: session.context.abandon })).other;
}

/** A run whose own controller says that its process has ended will not come back by itself. */
function isOver({ context }: Session, lease: Lease): boolean {
  const { isGone } = context.holder ?? unknownHolder;
  return lease.hold !== 'newer' && lease.process !== '' && isGone(lease.process);
}

function claimOf({ context, endedHolders }: Session, back: number): Claim {
  const { who, process } = context.holder ?? unknownHolder;
  const { seconds } = policyOf(context.lease);
  return { run: context.run, who: oneLine(who), process: oneLine(process), seconds, back, ended: [...endedHolders] };
}

function policyOf(policy: LeasePolicy | undefined): LeasePolicy {
  return policy ?? defaultLeasePolicy;
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, '?').slice(0, 500);
}

function keepRenewing(session: Session): void {
  if (session.renewal !== null) return;
  session.renewal = new AbortController();
  void renewUntil(session, session.renewal.signal);
}

/** Renews as long as the run is at work, whatever it waits for; not while the host is away for a reboot. */
async function renewUntil(session: Session, over: AbortSignal): Promise<void> {
  const { clock, lease } = session.context;
  for (;;) {
    await clock.sleep(policyOf(lease).renewEvery, over);
    if (over.aborted) return;
    if (!session.away) await renew(session, over);
  }
}

/** A renewal that fails is made up for by the next one, or by the next write, which judges the lease itself. */
export async function renew(session: Session, signal: AbortSignal): Promise<void> {
  await session.context.shell.run(renewLease(claimOf(session, 0)), { timeout: 20_000, signal }).catch(() => {});
}

function unleased(host: string, { sections, stderr }: Output): VfleetError {
  const said = sections.get('unleased')?.toString('utf8').trim();
  return new VfleetError({
    code: 'host.unleased',
    host,
    thing: 'the lease on it',
    expected: 'that it can be written down who is at work',
    found: [said, stderr.trim()].filter(Boolean).join(': ') || 'nothing that says why',
    next: 'look at free space and rights there, then run `vfleet apply` again; nothing was written',
  });
}

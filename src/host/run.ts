import type { Failure, HostState, Phase } from '../events/event.ts';
import type { Facts } from '../facts/facts.ts';
import { probeWhenBack } from './come-back.ts';
import type { HostContext } from './context.ts';
import { failureOf, inWordsOf } from './failure.ts';
import { noticeLease, release } from './hold.ts';
import type { Lease } from './lease.ts';
import { within } from './limits.ts';
import { runPhases } from './phases.ts';
import { withPower } from './power-cycle.ts';
import { probeHost } from './probe.ts';
import { emptyRecord } from './record.ts';
import { Session } from './session.ts';
import { mayBeDown, stateOfError } from './state.ts';
import { runTask } from './task.ts';

/** How one host's run ended. */
export interface HostEnd {
  readonly state: HostState;
  readonly failure?: Failure;
  /** Write scripts that changed the host. */
  readonly writes: number;
  readonly reboots: number;
  /** It is out of service, or may be, and counts as in flight. Default: when it is lost. */
  readonly holdsSlot?: boolean;
  /** It was drained, and not taken back into service. */
  readonly drained?: boolean;
  /** Its power was cycled, as it did not come back from a reboot. */
  readonly powerCycled?: boolean;
  /** Why a reboot is due that was left to the operator. */
  readonly rebootDue?: string;
}

/**
 * One host from beginning to end: facts, gate, then what the mode asks for. Never rejects: whatever happens becomes the
 * state in which the host ends.
 */
export async function runHost(context: HostContext): Promise<HostEnd> {
  const { host, shell, bus, mode, task, begunEarlier = false } = context;
  let session: Session | null = null;
  try {
    bus.emit({ type: 'phase', host: host.name, phase: 'connect' });
    let found: Lease | null = null;
    const tell = (phase: Phase, detail?: string): void =>
      bus.emit({ type: 'phase', host: host.name, phase, ...(detail !== undefined && { detail }) });
    const begin = { context, name: host.name, begun: false, enter: tell, powerCycled: false };
    // Nothing is written yet: a run that is stopped does not wait for it.
    const atOnce = { ...context, abandon: AbortSignal.any([context.stop, context.abandon]) };
    const probe = (): Promise<Facts> =>
      probeHost(atOnce, 'connect', (lease) => {
        found = lease;
      });
    const first = (): Promise<Facts> => withPower(begin, () => probeWhenBack(context, probe));
    // One that may be away with its reboot has its place among those that reboot, as in the part of the run that asked.
    const isAsked = context.rebootAsked !== undefined;
    const facts = await (isAsked ? within(begin, 'rebooting', 'reboot', first) : first());
    session = new Session(context, facts);
    session.powerCycled = begin.powerCycled;
    if (await noticeLease(session, found)) session.facts = await probeHost(context, 'connect');
    bus.emit({ type: 'facts-read', host: host.name, facts: session.facts });
    if (task !== undefined) await runTask(session, task);
    else if (mode !== 'facts') await runPhases(session);
    const { writes, reboots, rebootDue } = session;
    return { state: 'ok', writes, reboots, ...(rebootDue !== null && { rebootDue }), ...serviceOf(context, session) };
  } catch (thrown) {
    const failure = inWordsOf(task?.kind, failureOf(thrown, host.name));
    const writes = session?.writes ?? 0;
    const begun = session?.begun ?? false;
    return {
      state: stateOfError(failure.code, begun, begunEarlier),
      failure,
      writes,
      reboots: session?.reboots ?? 0,
      ...((begun || begunEarlier) && mayBeDown(failure.code) && { holdsSlot: true }),
      ...serviceOf(context, session),
    };
  } finally {
    // A plan is worth showing also when the host ends badly after it.
    const plans = task === undefined ? mode === 'plan' : task.kind !== 'backups';
    if (session !== null && plans) bus.emit({ type: 'planned', host: host.name, plan: session.plan });
    if (session !== null) await release(session);
    await shell.disconnect();
  }
}

/**
 * What an operator is to know of a host that hooks were about. One that is drained is out of service, also when it does not
 * answer any more.
 */
function serviceOf(
  { mode, drainedEarlier = false }: HostContext,
  session: Session | null,
): Pick<HostEnd, 'drained' | 'holdsSlot' | 'powerCycled'> {
  const record = session?.record ?? emptyRecord;
  const isKnown = record === emptyRecord ? drainedEarlier : record.drained !== undefined;
  const drained = session?.drained === true || (mode === 'apply' && isKnown);
  return { ...(drained && { drained, holdsSlot: true }), ...(session?.powerCycled && { powerCycled: true }) };
}

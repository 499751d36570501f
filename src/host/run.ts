import type { Check, Verdict } from '../checks/check.ts';
import { VfleetError } from '../errors.ts';
import type { Failure, HostState, Phase } from '../events/event.ts';
import type { Facts } from '../facts/facts.ts';
import type { Effect } from '../resources/effect.ts';
import { joinScripts, sh } from '../shell/script.ts';
import { warnDrained } from './around.ts';
import { probeWhenBack } from './come-back.ts';
import type { HostContext } from './context.ts';
import { undrain } from './drain.ts';
import { ensure } from './ensure.ts';
import { failureOf, inWordsOf } from './failure.ts';
import { awaitPlaybook } from './foreign.ts';
import type { HostHandle } from './handle.ts';
import { noticeLease, release } from './hold.ts';
import type { Lease } from './lease.ts';
import { tellLeftovers } from './leftovers/tell.ts';
import { within } from './limits.ts';
import { refusePart } from './plan-match.ts';
import { withPower } from './power-cycle.ts';
import { probeHost } from './probe.ts';
import { runRead } from './read.ts';
import { emptyRecord } from './record.ts';
import { Session } from './session.ts';
import { settle } from './settle.ts';
import { soak } from './soak.ts';
import { stateOfError } from './state.ts';
import { unnamedTokens } from './step-wishes.ts';
import { runTask } from './task.ts';

/** How one host's run ended. */
export interface HostEnd {
  readonly state: HostState;
  readonly failure?: Failure;
  /** Write scripts that changed the host. */
  readonly writes: number;
  readonly reboots: number;
  /** It is out of service, and counts as in flight. Default: when it is lost. */
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
  const { host, shell, bus, mode, task } = context;
  let session: Session | null = null;
  try {
    bus.emit({ type: 'phase', host: host.name, phase: 'connect' });
    let found: Lease | null = null;
    const tell = (phase: Phase, detail?: string): void =>
      bus.emit({ type: 'phase', host: host.name, phase, ...(detail !== undefined && { detail }) });
    const begin = { context, name: host.name, begun: false, enter: tell, powerCycled: false };
    const probe = (): Promise<Facts> =>
      probeHost(context, 'connect', (lease) => {
        found = lease;
      });
    const logIn = (): Promise<Facts> => within(begin, 'connecting', 'connect', probe);
    const first = (): Promise<Facts> => withPower(begin, () => probeWhenBack(context, logIn));
    // One that may be away with its reboot has its place among those that reboot, as in the part of the run that asked.
    const isAsked = context.rebootAsked !== undefined;
    const facts = await (isAsked ? within(begin, 'rebooting', 'reboot', first) : first());
    session = new Session(context, facts);
    session.powerCycled = begin.powerCycled;
    noticeLease(session, found);
    bus.emit({ type: 'facts-read', host: host.name, facts: session.facts });
    if (task !== undefined) await runTask(session, task);
    else if (mode !== 'facts') await runPhases(session);
    const { writes, reboots, rebootDue } = session;
    return { state: 'ok', writes, reboots, ...(rebootDue !== null && { rebootDue }), ...serviceOf(context, session) };
  } catch (thrown) {
    const failure = inWordsOf(task?.kind, failureOf(thrown, host.name));
    const writes = session?.writes ?? 0;
    return {
      state: stateOfError(failure.code, session?.begun ?? false),
      failure,
      writes,
      reboots: session?.reboots ?? 0,
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

async function runPhases(session: Session): Promise<void> {
  const { playbook, mode } = session.context;
  if (mode !== 'verify') gate(session);
  const before = session.facts;
  try {
    await awaitPlaybook(session, () => playbook.apply(handleOf(session)));
  } finally {
    // What is said of a host that was stopped is worth as much.
    if (mode !== 'verify') tellLeftovers(session, before);
  }
  if (mode !== 'verify') warnUnsettled(session);
  if (mode !== 'verify') warnUnnamed(session);
  if (mode === 'plan') return warnDrained(session);
  noticeInPlace(session);
  await verify(session);
  if (mode !== 'apply') return;
  await soak(session, () => verify(session));
  await undrain(session);
}

/** Errors: `plan.differs` where the playbook did not come to all that was planned. */
function noticeInPlace(session: Session): void {
  const { expected, underWay = false } = session.context;
  if (expected === undefined || underWay || !session.inPlace) return;
  refusePart(expected, session.step);
  session.enter('plan', 'this plan was applied already: everything in it is in place');
}

function handleOf(session: Session): HostHandle<unknown, unknown> {
  return {
    get name() {
      return session.subject.name;
    },
    get rack() {
      return session.subject.rack;
    },
    get groups() {
      return session.subject.groups;
    },
    get vars() {
      return session.subject.vars;
    },
    get facts() {
      return session.subject.facts;
    },
    ensure: (...resources) => {
      const wished = resources.filter((resource) => !!resource);
      return session.follow(ensure(session, wished));
    },
    settle: () => session.follow(settle(session)),
  };
}

/** Judges the gates. Nothing has been written yet, and nothing is when one of them does not pass. */
function gate(session: Session): void {
  const { playbook, bus } = session.context;
  session.enter('gate');
  for (const check of playbook.gate(session.subject)) {
    const verdict = judge(session, check, null);
    session.gates.push(verdict);
    bus.emit({ type: 'verdict', host: session.name, phase: 'gate', verdict });
  }
  const closed = session.gates.filter((verdict) => verdict.outcome === 'fail' || verdict.outcome === 'unknown');
  const [first] = closed;
  if (first === undefined) return;
  throw new VfleetError({
    code: 'gate.closed',
    host: session.name,
    thing: first.found.replace(/\.$/, ''),
    next: first.remedy ?? 'make the check pass',
  });
}

/** Effects that a playbook left due are due still: the next run finds them on the host, and an operator hears of it. */
function warnUnsettled(session: Session): void {
  const left: readonly Effect[] = session.due;
  if (left.length === 0) return;
  session.context.bus.emit({
    type: 'warning',
    host: session.name,
    text: `the playbook ended without settle(); still due: ${left.map((effect) => effect.kind).join(', ')}`,
  });
}

/** A file that the playbook once wrote, and says nothing of any more, stays: whether that is meant, only an operator knows. */
function warnUnnamed({ context, record, named, step, name, wants }: Session): void {
  if (step === 0) return;
  const owner = context.playbook.name;
  const paths = Object.entries(record.files).flatMap(([path, { playbooks }]) =>
    playbooks.includes(owner) && !named.has(path) ? [path] : [],
  );
  const tokens = unnamedTokens(record, owner, { steps: step, wished: wants.kernelArguments?.present ?? [] });
  const left = [...paths, ...tokens];
  if (left.length === 0) return;
  context.bus.emit({
    type: 'warning',
    host: name,
    text: `written by this playbook earlier, and not named in it any more: ${left.join(', ')}; it stays until \`vfleet undo\``,
  });
}

/** Reads the host anew and judges every check, all evidence in one round trip. */
async function verify(session: Session): Promise<void> {
  const { context, name } = session;
  const checks = context.playbook.verify(session.subject);
  if (checks.length === 0) return;
  session.enter('verify');
  if (session.stale) {
    session.facts = await probeHost(context, 'verify');
    session.stale = false;
  }
  const evidence = await gatherEvidence(session, checks);
  const verdicts = checks.map((check, index) => judge(session, check, evidence.get(index) ?? null));
  for (const verdict of verdicts) context.bus.emit({ type: 'verdict', host: name, phase: 'verify', verdict });
  const bad = verdicts.filter((verdict) => verdict.outcome === 'fail' || verdict.outcome === 'unknown');
  const [first] = bad;
  if (first === undefined) return;
  throw new VfleetError({
    code: 'verify.failed',
    host: name,
    thing: `${bad.length === 1 ? '' : `${bad.length} checks do not pass; the first: `}${first.found.replace(/\.$/, '')}`,
    next: first.remedy ?? 'look at the evidence',
  });
}

async function gatherEvidence(session: Session, checks: readonly Check[]): Promise<ReadonlyMap<number, string>> {
  const scripts = checks.map((check, index) => {
    const script = check.evidence?.(session.facts);
    return script === undefined
      ? null
      : sh`section ${`evidence-${index}`}
( ${script}
) 2>&1`;
  });
  const asked = scripts.filter((script) => script !== null);
  if (asked.length === 0) return new Map();
  const output = await runRead(session.context, 'verify', joinScripts(asked));
  return new Map(
    checks.flatMap((_, index) => {
      const text = output.sections.get(`evidence-${index}`)?.toString('utf8');
      return text === undefined ? [] : [[index, text] as const];
    }),
  );
}

function judge(session: Session, check: Check, evidence: string | null): Verdict {
  return check.judge({ host: session.name, facts: session.facts, wants: session.wants, evidence });
}

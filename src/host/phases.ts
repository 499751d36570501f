import type { Effect } from '../resources/effect.ts';
import { warnDrained } from './around.ts';
import { undrain } from './drain.ts';
import { ensure } from './ensure.ts';
import { awaitPlaybook } from './foreign.ts';
import type { HostHandle } from './handle.ts';
import { gate, verify } from './judge.ts';
import { tellLeftovers } from './leftovers/tell.ts';
import { refusePart } from './plan-match.ts';
import type { Session } from './session.ts';
import { settle } from './settle.ts';
import { soak } from './soak.ts';
import { unnamedTokens } from './step-wishes.ts';

/** What a playbook does on one host, as far as the mode asks for it: gate, apply, verify, soak, and back into service. */
export async function runPhases(session: Session): Promise<void> {
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
  const paths = Object.entries(record.files).flatMap(([path, { playbooks, digest, original }]) => {
    // Made and removed again by the playbook itself: nothing stays.
    const isGone = digest === 'absent' && original.kind === 'absent';
    return playbooks.includes(owner) && !named.has(path) && !isGone ? [path] : [];
  });
  const tokens = unnamedTokens(record, owner, { steps: step, wished: wants.kernelArguments?.present ?? [] });
  const left = [...paths, ...tokens];
  if (left.length === 0) return;
  context.bus.emit({
    type: 'warning',
    host: name,
    text: `written by this playbook earlier, and not named in it any more: ${left.join(', ')}; it stays until \`vfleet undo\``,
  });
}

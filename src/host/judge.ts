import type { Check, Verdict } from '../checks/check.ts';
import { VfleetError } from '../errors.ts';
import { joinScripts, sh } from '../shell/script.ts';
import { probeHost } from './probe.ts';
import { runRead } from './read.ts';
import type { Session } from './session.ts';

/** Judges the gates. Nothing has been written yet, and nothing is when one of them does not pass. Errors: `gate.closed`. */
export function gate(session: Session): void {
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

/** Reads the host anew and judges every check, all evidence in one round trip. Errors: `verify.failed`. */
export async function verify(session: Session): Promise<void> {
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

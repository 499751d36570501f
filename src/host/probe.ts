import { asVfleetError } from '../errors.ts';
import type { Phase } from '../events/event.ts';
import type { Facts } from '../facts/facts.ts';
import { parseCustomFacts, parseFacts, probe } from '../facts/probe.ts';
import { joinScripts } from '../shell/script.ts';
import type { HostContext } from './context.ts';
import { type Lease, parseLease } from './lease.ts';
import { leaseProbe } from './lease-script.ts';
import { runRead } from './read.ts';

/** Reads all facts of a host, the playbook's own among them, and who is at work on it, in one round trip. */
export async function probeHost(
  context: HostContext,
  phase: Phase,
  onLease: (lease: Lease) => void = () => {},
): Promise<Facts> {
  const { playbook, host } = context;
  const output = await runRead(context, phase, joinScripts([probe(playbook.facts), leaseProbe]));
  const lease = parseLease(output);
  if (lease !== null) onLease(lease);
  try {
    return { ...parseFacts(output.sections), ...parseCustomFacts(playbook.facts, output.sections) };
  } catch (thrown) {
    throw asVfleetError(thrown).of(host.name);
  }
}

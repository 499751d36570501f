import { asVfleetError } from '../errors.ts';
import type { Phase } from '../events/event.ts';
import type { Facts } from '../facts/facts.ts';
import { parseCustomFacts, parseFacts, probe } from '../facts/probe.ts';
import type { HostContext } from './context.ts';
import { runRead } from './read.ts';

/** Reads all facts of a host, the playbook's own among them, in one round trip. */
export async function probeHost(context: HostContext, phase: Phase): Promise<Facts> {
  const { playbook, host } = context;
  const output = await runRead(context, phase, probe(playbook.facts));
  try {
    return { ...parseFacts(output.sections), ...parseCustomFacts(playbook.facts, output.sections) };
  } catch (thrown) {
    throw asVfleetError(thrown).of(host.name);
  }
}

import { asVfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { parseCustomFacts, parseFacts, probe } from '../facts/probe.ts';
import type { HostContext } from './context.ts';

/** Reads all facts of a host, the playbook's own among them, in one round trip. */
export async function probeHost({ shell, playbook, host, abandon }: HostContext): Promise<Facts> {
  const output = await shell.run(probe(playbook.facts), { signal: abandon });
  try {
    return { ...parseFacts(output.sections), ...parseCustomFacts(playbook.facts, output.sections) };
  } catch (thrown) {
    throw asVfleetError(thrown).of(host.name);
  }
}

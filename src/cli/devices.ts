import type { Candidate, CandidateKind } from '../devices/candidate.ts';
import { candidatesOf } from '../devices/candidates.ts';
import { namesProbe, parseNames } from '../devices/names.ts';
import { openNodesProbe, parseOpenNodes } from '../devices/open-nodes.ts';
import { fact } from '../facts/custom-fact.ts';
import { type Playbook, playbook } from '../playbook/define.ts';
import { escapeJson } from '../report/escape.ts';
import { exitCode } from '../report/exit-code.ts';
import { type ListedHost, renderDevices } from '../report/text/devices.ts';
import type { Environment } from './environment.ts';
import { loadFleet } from './fleet.ts';
import type { ConnectionArguments } from './options.ts';
import { hasColour, warn, write } from './output.ts';
import { run } from './run.ts';

/** What `devices` parses. */
export interface DevicesArguments extends ConnectionArguments {
  readonly pattern?: string | undefined;
  readonly kind?: readonly CandidateKind[] | undefined;
}

/** Shows what could be passed through on each host, and what stands in the way; writes nothing there. Gives the exit code. */
export async function devices(given: DevicesArguments, environment: Environment): Promise<number> {
  const { pattern, kind } = given;
  const args = pattern === undefined ? given : { ...given, limit: [...(given.limit ?? []), pattern] };
  const fleet = await loadFleet(args, environment);
  for (const warning of fleet.inventory.warnings) warn(warning);
  const found = new Map<string, readonly Candidate[]>();
  const look = looking(found);
  const summary = await run({ command: 'verify', fleet, playbook: look, vars: new Map(), args, environment });
  const hosts = summary.hosts.map((host): ListedHost => {
    const all = found.get(host.name) ?? null;
    return { ...host, devices: all?.filter((one) => kind?.includes(one.kind) ?? true) ?? null };
  });
  const code = exitCode(summary, 'verify');
  if (args.json) write(documentOf(hosts, code));
  else write(renderDevices(hosts, { colour: hasColour(args, environment, process.stdout), verbose: args.verbose }));
  return code;
}

/** A playbook that reads, in the probe of the facts, who has devices open and what they are called. */
function looking(found: Map<string, readonly Candidate[]>): Playbook {
  return playbook({
    name: 'devices',
    facts: { openNodes: fact(openNodesProbe, parseOpenNodes), deviceNames: fact(namesProbe, parseNames) },
    apply({ name, facts }) {
      found.set(name, candidatesOf(facts, { open: facts.openNodes, names: facts.deviceNames }));
    },
  });
}

function documentOf(hosts: readonly ListedHost[], code: number): string {
  const list = hosts.map(({ name, state, failure, devices: all }) => ({ name, state, failure, devices: all }));
  return `${escapeJson(JSON.stringify({ version: 1, command: 'devices', exitCode: code, hosts: list }, null, 2))}\n`;
}

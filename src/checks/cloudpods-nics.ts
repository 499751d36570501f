import { agentNicFindings, requireAgentNics } from '../devices/agent-nics.ts';
import type { Check } from './check.ts';
import { refused } from './refused.ts';
import { check } from './verdict.ts';

/**
 * Whether NICs are there, and can have virtual functions, so that the host agent of Cloudpods may be told to make them: asked
 * before they are written to its host.conf.
 *
 * @example
 * gate: (host) => [checks.cloudpodsNics(host.vars.sriovNics)]
 */
export function cloudpodsNics(names: readonly string[]): Check {
  const title = 'Can the Cloudpods host agent make functions of the NICs?';
  return check({ id: 'cloudpods-nics', title }, ({ facts, host }) => {
    if (names.length === 0) return { outcome: 'not-applicable', found: 'No NICs are named for this host.' };
    return refused(() => {
      requireAgentNics(facts, names, host);
      const evidence = agentNicFindings(facts, names).map(({ found }) => found);
      return { outcome: 'pass', found: `It can make functions of ${names.join(', ')}.`, evidence };
    });
  });
}

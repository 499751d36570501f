import type { Hooks, Power } from '../hooks/hook.ts';
import { readPower } from '../hooks/power.ts';
import { readHooks } from '../hooks/read-hooks.ts';
import type { HostContext } from '../host/context.ts';
import { createLimits } from '../host/limits.ts';
import type { InventoryHost } from '../inventory/host.ts';
import { isUnsupported, requireSupported } from '../inventory/unsupported.ts';
import type { Playbook } from '../playbook/define.ts';
import type { Rollout } from '../rollout/rollout.ts';

/** What helps a host through its reboot. */
export interface Aids {
  readonly hooks: Hooks;
  readonly power?: Power;
}

/**
 * Hooks and power command of each host, before any host is touched: what the inventory says (variables `hooks` and `power`) goes
 * before the playbook, hook by hook. Who only shows them needs no secrets. Errors: `hooks.definition`, `power.definition`.
 */
export async function aidsOf(
  hosts: readonly InventoryHost[],
  playbook: Playbook,
  secrets: boolean,
): Promise<ReadonlyMap<string, Aids>> {
  const aids = hosts.map(async (host): Promise<readonly [string, Aids]> => {
    const vars = { ...host.vars, power: templates(host.vars['power']) };
    const power = await readPower({ name: host.name, vars }, { secrets });
    requireSupported(host, 'hooks');
    const own = readHooks(host.vars['hooks'], `variable hooks of ${host.name}`);
    return [host.name, { hooks: { ...playbook.hooks, ...own }, ...(power !== undefined && { power }) }];
  });
  return new Map(await Promise.all(aids));
}

/** What looks like an expression of Ansible to the inventory is, in a power command, a place for a variable. */
function templates(value: unknown): unknown {
  if (isUnsupported(value)) return value.kind === 'jinja' ? value.text : value;
  if (Array.isArray(value)) return value.map(templates);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, templates(part)]));
}

/** How many may log in at once (`null`: as many as are in flight), where nothing else is limited. */
export function sparingOf(connecting: number | null): Pick<HostContext, 'limits'> {
  return { limits: createLimits({ connecting, applying: null, rebooting: null }) };
}

/** How long hosts are watched, and how many may be in a phase at once, as a rollout says. */
export function pacingOf(rollout: Rollout | undefined): Pick<HostContext, 'limits' | 'soak'> {
  if (rollout === undefined) return {};
  const { soak, maxConnecting, maxApplying, maxRebooting } = rollout;
  return { soak, limits: createLimits({ connecting: maxConnecting, applying: maxApplying, rebooting: maxRebooting }) };
}

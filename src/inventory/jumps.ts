import { didYouMean } from '../nearest.ts';
import type { InventoryHost } from './host.ts';
import { looksLikeInventoryName } from './jump.ts';
import type { Place, Problems } from './problem.ts';

/** Where a host's jump host is named. */
export interface JumpMention {
  readonly place: Place;
  readonly path: readonly string[];
}

/**
 * Checks the jump hosts of an inventory, which may be hosts of it. A bastion that inherits itself as its jump host, from
 * `all` for instance, is reached directly: the host is returned without it.
 */
export function settleJumps(
  hosts: readonly InventoryHost[],
  mentions: ReadonlyMap<string, JumpMention>,
  problems: Problems,
): readonly InventoryHost[] {
  const byName = new Map(hosts.map((host) => [host.name, host]));
  return hosts.map((host) => {
    const { jump } = host.ssh;
    const mention = mentions.get(host.name);
    if (jump === null || mention === undefined) return host;
    const by = (message: string): InventoryHost => {
      problems.add('inventory.jump', mention.place, mention.path, message);
      return host;
    };
    if (jump === host.name) {
      const own = host.origins['ssh.jump']?.scope === `host ${host.name}`;
      return own ? by(`host ${host.name} is its own jump host`) : withoutJump(host);
    }
    const target = byName.get(jump);
    if (target !== undefined) {
      const further = target.ssh.jump;
      if (further === null || further === target.name) return host;
      return by(`jump host ${jump} is itself reached over ${further}; one jump host is supported`);
    }
    if (!looksLikeInventoryName(jump)) return host;
    const hint = didYouMean(jump, byName.keys()) || '; add it, or write it as an address: user@host or host:22';
    return by(`jump host "${jump}" is not in the inventory${hint}`);
  });
}

function withoutJump(host: InventoryHost): InventoryHost {
  const origins = Object.fromEntries(Object.entries(host.origins).filter(([name]) => name !== 'ssh.jump'));
  return { ...host, ssh: { ...host.ssh, jump: null }, origins };
}

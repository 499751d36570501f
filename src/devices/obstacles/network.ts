import type { HardwareFacts, NetInterface } from '../../facts/hardware.ts';
import type { Obstacle } from '../obstacle.ts';
import type { Owner } from './owner.ts';

/** Interfaces that the host would lose. What carries the SSH connection or a default route is told of what is below it, too. */
export function networkObstacles({ net }: HardwareFacts, owner: Owner): readonly Obstacle[] {
  return net.flatMap((one) => {
    const device = owner(one);
    return device === null ? [] : obstacleOf(one, net, device);
  });
}

function obstacleOf(one: NetInterface, all: readonly NetInterface[], device: string): readonly Obstacle[] {
  const uses = [...pathUses(one), ...memberUses(one, all), ...addressUses(one)];
  const [first] = uses;
  if (first !== undefined) {
    const reason = `${one.name} ${uses.map(({ reason: why }) => why).join(', ')}`;
    return [{ kind: first.kind, device, reason, remedy: first.remedy }];
  }
  if (!one.up || one.carrier === false) return [];
  return [
    {
      kind: 'link-up',
      device,
      reason: `${one.name} is up${one.carrier === true ? ' and has a link' : ''}, though without an address`,
      remedy: `take it down (ip link set ${one.name} down) and out of the network configuration, or allow link-up`,
      consent: 'link-up',
    },
  ];
}

interface Use {
  readonly kind: string;
  readonly reason: string;
  readonly remedy: string;
}

function pathUses({ ssh, defaultRoute, name }: NetInterface): readonly Use[] {
  const use = (kind: string, reason: string, remedy: string): Use => ({ kind, reason, remedy });
  return [
    ...(ssh === true
      ? [
          use(
            'ssh-path',
            'carries this SSH connection',
            'reach the host by another interface, or select another device',
          ),
        ]
      : []),
    ...(defaultRoute
      ? [
          use(
            'default-route',
            'carries a default route',
            `move the default route away from ${name}, or select another device`,
          ),
        ]
      : []),
  ];
}

function memberUses({ name, master, uppers }: NetInterface, all: readonly NetInterface[]): readonly Use[] {
  const above = uppers.filter((upper) => upper !== master);
  const shown = (upper: string): string => {
    const addresses = all.find((other) => other.name === upper)?.addresses ?? [];
    return addresses.length === 0 ? upper : `${upper} (${addresses.join(', ')})`;
  };
  return [
    ...(master === null
      ? []
      : [
          {
            kind: 'network-in-use',
            reason: `is a part of ${shown(master)}`,
            remedy: `take ${name} out of ${master} first`,
          },
        ]),
    ...(above.length === 0
      ? []
      : [
          {
            kind: 'network-in-use',
            reason: `is below ${above.map(shown).join(', ')}`,
            remedy: `remove ${above.join(', ')} first`,
          },
        ]),
  ];
}

function addressUses({ name, up, addresses }: NetInterface): readonly Use[] {
  if (addresses === null) {
    if (!up) return [];
    const remedy = `take ${name} down first, or install iproute2, so that its addresses can be read`;
    return [{ kind: 'network-in-use', reason: 'is up, and whether it has addresses could not be read', remedy }];
  }
  if (addresses.length === 0) return [];
  const remedy = `take its addresses away and ${name} out of the network configuration first`;
  return [{ kind: 'network-in-use', reason: `has ${addresses.join(', ')}`, remedy }];
}

import type { Rollout } from '../../src/rollout/rollout.ts';
import type { Fault, HostFault } from './fault.ts';
import { type Random, randomOf } from './random.ts';

/** One rollout to be played: all of it plain data, made from a seed. */
export interface Scenario {
  readonly seed: string;
  readonly hosts: readonly { readonly name: string; readonly rack: string | null }[];
  readonly rollout: Rollout;
  readonly wish: WishKind;
  /** What stands around each reboot; `null`: nothing. */
  readonly hooks: HooksWish | null;
  /** Another run follows when all is mended. */
  readonly again: boolean;
  /** Milliseconds in which a host must be back. */
  readonly deadline: number;
  readonly faults: readonly Fault[];
}

/** What the playbook asks for: kernel arguments, and modules or a file that the initramfs copies. */
export type WishKind = 'arguments' | 'modules' | 'initramfs';

/** Hooks of all hosts: commands on the host, or functions on the controller. Times are milliseconds. */
export interface HooksWish {
  readonly where: 'host' | 'controller';
  /** Without it, a host stays drained. */
  readonly undrain: boolean;
  readonly takes: number;
  readonly timeout: number;
}

/** The scenario of a seed. */
export function scenarioOf(seed: string): Scenario {
  const random = randomOf(seed);
  const hosts = fleetOf(random.branch('fleet'));
  const rollout = rolloutOf(hosts, random.branch('rollout'));
  const hooks = hooksOf(random.branch('hooks'));
  return {
    ...{ seed, hosts, rollout, hooks },
    again: random.branch('again').chance(0.3),
    wish: random.pick(['arguments', 'arguments', 'modules', 'initramfs', 'initramfs']),
    deadline: random.pick([120_000, 300_000, 900_000]),
    faults: faultsOf(hosts, random.branch('faults'), [
      ...makers,
      ...(hooks === null ? [] : hookFaults),
      ...(rollout.soak === 0 ? [] : soakFaults),
    ]),
  };
}

function hooksOf(random: Random): HooksWish | null {
  if (random.chance(0.7)) return null;
  return {
    where: random.pick(['host', 'controller']),
    undrain: random.chance(0.85),
    takes: random.whole(1_000, 45_000),
    timeout: random.pick([60_000, 300_000]),
  };
}

function fleetOf(random: Random): Scenario['hosts'] {
  const size = random.chance(0.8)
    ? random.whole(1, 4)
    : random.chance(0.8)
      ? random.whole(5, 8)
      : random.chance(0.8)
        ? random.whole(10, 20)
        : random.whole(21, 40);
  const racks = random.whole(1, Math.max(1, Math.ceil(size / 3)));
  return Array.from({ length: size }, (_, index) => ({
    name: `node${String(index + 1).padStart(2, '0')}`,
    rack: random.chance(0.05) ? null : `r${random.whole(1, racks)}`,
  }));
}

function rolloutOf(hosts: Scenario['hosts'], random: Random): Rollout {
  const size = hosts.length;
  const racks = [...new Set(hosts.flatMap(({ rack }) => rack ?? []))];
  const limited = random.chance(0.4);
  const canaries = random.chance(0.35) ? hosts.filter(() => random.chance(0.25)).map(({ name }) => name) : [];
  const few = (): number => random.whole(1, Math.max(1, Math.ceil(size / 2)));
  return {
    canaries,
    batches: random.chance(0.4) ? Array.from({ length: random.whole(1, 3) }, few) : [],
    parallel: random.pick([1, few(), size, 20]),
    domain: 'rack',
    countsSilent: random.chance(0.5),
    perDomain: limited ? Object.fromEntries(racks.map((rack) => [rack, random.whole(1, 3)])) : {},
    ...{
      domains: limited ? domainsOf(hosts) : {},
      ...(!limited && random.branch('half').chance(0.5) && halfOf(hosts)),
    },
    maxFailures: random.chance(0.5) ? size : random.whole(0, Math.ceil(size / 3)),
    maxCanaryFailures: random.chance(0.5) ? size : 0,
    soak: random.chance(0.2) ? 30_000 : 0,
    pause: random.chance(0.2) ? random.whole(1, 120) * 1_000 : 0,
    windows: random.chance(0.1) ? ['Mon-Sun 00:00-00:20', 'Tue,Sat 10:00-10:30 Europe/Berlin'] : [],
    maxConnecting: random.chance(0.2) ? few() : null,
    maxApplying: random.chance(0.2) ? few() : null,
    maxRebooting: random.chance(0.2) ? few() : null,
  };
}

function domainsOf(hosts: Scenario['hosts']): Rollout['domains'] {
  return Object.fromEntries(hosts.flatMap(({ name, rack }) => (rack === null ? [] : [[name, rack]])));
}

/** What holds where nobody says anything of racks: half of one, one host at least, and silent ones do not count. */
function halfOf(hosts: Scenario['hosts']): Pick<Rollout, 'perDomain' | 'domains' | 'countsSilent'> {
  const domains = domainsOf(hosts);
  const sizes = new Map<string, number>();
  for (const domain of Object.values(domains)) sizes.set(domain, (sizes.get(domain) ?? 0) + 1);
  const perDomain = Object.fromEntries([...sizes].map(([domain, size]) => [domain, Math.max(1, size >> 1)]));
  return { perDomain, domains, countsSilent: false };
}

function faultsOf(hosts: Scenario['hosts'], random: Random, known: readonly Maker[]): readonly Fault[] {
  const bad = random.pick([0.05, 0.2, 0.4, 0.7]);
  const ofHosts = hosts.flatMap(({ name }) => (random.chance(bad) ? hostFaults(name, random, known) : []));
  const ofFleet = fleetFaults(random);
  const fallen = ofFleet.some(({ kind }) => kind === 'kill') ? fallingFaults(hosts, random.branch('falls')) : [];
  return [...ofHosts, ...fallen, ...ofFleet];
}

/** Often one of the first, which are at work then. */
function fallingFaults(hosts: Scenario['hosts'], random: Random): readonly HostFault[] {
  if (random.chance(0.7)) return [];
  const { name } = random.pick(hosts.slice(0, 3));
  return [{ kind: 'falls-with-controller', host: name, back: random.chance(0.3) }];
}

type Maker = (host: string, random: Random) => HostFault;

const hookFault: Maker = (host, random) => ({
  kind: random.pick(['hook-fails', 'hook-hangs']),
  host,
  hook: random.pick(['drain', 'undrain']),
  times: random.pick([1, 1_000]),
});
const soakFault: Maker = (host, random) => ({
  kind: 'dies-soaking',
  host,
  after: random.whole(0, 29_000),
  back: random.chance(0.5),
});
// Often enough to be met: only few rollouts have hooks, or soak.
const hookFaults: readonly Maker[] = Array.from({ length: 8 }, () => hookFault);
const soakFaults: readonly Maker[] = Array.from({ length: 6 }, () => soakFault);

const makers: readonly Maker[] = [
  (host, random) => {
    const from = random.pick([0, random.whole(0, 200_000)]);
    return { kind: 'unreachable', host, from, until: random.chance(0.4) ? null : from + random.whole(1_000, 300_000) };
  },
  (host, random) => ({
    kind: 'cut',
    host,
    exec: random.whole(1, 10),
    when: random.pick(['before', 'middle', 'after']),
  }),
  (host, random) => ({
    kind: 'cut',
    host,
    exec: random.whole(1, 10),
    when: random.pick(['before', 'middle', 'after']),
  }),
  (host, random) => ({ kind: 'hang', host, exec: random.whole(1, 10), effect: random.chance(0.5) }),
  (host, random) => ({ kind: 'power-cut', host, exec: random.whole(1, 10), statements: random.whole(0, 7) }),
  (host, random) => ({ kind: 'power-cut', host, exec: 3, statements: random.whole(0, 7) }),
  (host) => ({ kind: 'lost', host }),
  (host) => ({ kind: 'old-arguments', host }),
  (host, random) => ({ kind: 'ignored-reboot', host, times: random.pick([1, 2, 1_000]) }),
  (host, random) => ({ kind: 'slow-boot', host, milliseconds: random.pick([110_000, 250_000, 1_200_000]) }),
  (host) => ({ kind: 'guests', host }),
  (host) => ({ kind: 'no-iommu', host }),
  (host, random) => ({ kind: 'job-fails', host, times: random.pick([1, 1_000]) }),
  (host) => ({ kind: 'disk-full', host }),
  (host, random) => ({ kind: 'edit', host, exec: random.whole(2, 5) }),
  (host, random) => ({ kind: 'foreign-reboot', host, at: random.whole(0, 120_000) }),
  (host, random) => ({
    kind: 'foreign-lock',
    host,
    from: random.whole(0, 20_000),
    milliseconds: random.whole(500, 90_000),
  }),
];

function hostFaults(host: string, random: Random, known: readonly Maker[]): readonly HostFault[] {
  const first = random.pick(known)(host, random);
  if (random.chance(0.7)) return [first];
  const second = random.pick(known)(host, random);
  return second.kind === first.kind ? [first] : [first, second];
}

function fleetFaults(random: Random): readonly Fault[] {
  const faults: Fault[] = [];
  const stopped = random.chance(0.08);
  if (stopped)
    faults.push({
      kind: 'stop',
      at: random.whole(0, 200_000),
      abandonAfter: random.chance(0.5) ? random.whole(0, 60_000) : null,
    });
  const kills = stopped ? 0 : random.pick([0, 0, 0, 1, 1, 2]);
  for (let i = 0; i < kills; i += 1) {
    const after = random.chance(0.5) ? 0 : random.whole(1, 60_000);
    faults.push({ kind: 'kill', event: random.whole(1, random.pick([6, 30, 120])), after, torn: random.next() });
  }
  if (random.chance(0.15))
    faults.push({ kind: 'wall-jump', at: random.whole(0, 300_000), by: random.pick([-7_200_000, -60_000, 3_600_000]) });
  if (random.chance(0.08))
    faults.push({ kind: 'second-operator', at: random.whole(0, 60_000), knows: random.chance(0.5) });
  return faults;
}

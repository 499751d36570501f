import { VfleetError } from '../errors.ts';
import type { InventoryHost } from '../inventory/host.ts';
import { select } from '../inventory/select.ts';
import { foldNames } from '../names.ts';
import type { Playbook } from '../playbook/define.ts';
import { placesOf, type Rollout, resolveRollout } from '../rollout/rollout.ts';
import { joinRollouts, type RolloutKey, type RolloutWish, rolloutKeys } from '../rollout/wish.ts';
import type { Fleet } from './fleet.ts';
import type { ConnectionArguments } from './options.ts';

/** What `withRollout` parses: the keys of a wish, each as an option. */
export type RolloutArguments = ConnectionArguments & {
  readonly [Key in Exclude<RolloutKey, 'windows' | 'domain' | 'confirmAbove'>]?: RolloutWish[Key] | undefined;
} & { readonly window?: RolloutWish['windows'] | undefined };

/** What all say of a rollout: the playbook, over it the inventory, over it the options. */
export function wishOf({ playbook, fleet }: Wished, args: RolloutArguments): RolloutWish {
  return joinRollouts([playbook.rollout, fleet.inventory.rollout, saidBy(args)]);
}

/** What a rollout is about. */
interface Wished {
  readonly playbook: Playbook;
  readonly fleet: Fleet;
}

/**
 * How a rollout over these hosts goes. Errors: `rollout.canary` where patterns choose none of them, `rollout.domain` where a
 * limit is asked for that cannot be kept, and those of patterns.
 */
export function rolloutOf(work: Wished, args: RolloutArguments): Rollout {
  const wish = wishOf(work, args);
  const hosts = work.fleet.hosts.map((host) => ({ name: host.name, domain: domainOf(host, wish) }));
  if (wish.perRack !== undefined) requireDomains(hosts, wish);
  return resolveRollout(wish, hosts, canariesOf(work, wish, args));
}

/** How many hosts may log in at once, where all else of a rollout does not count; `null`: as many as are in flight. */
export function connectingOf(work: Wished, args: RolloutArguments): number | null {
  const { maxConnecting } = wishOf(work, args);
  return maxConnecting === undefined ? null : placesOf(maxConnecting, work.fleet.hosts.length);
}

/** What the options say of a rollout. */
export function saidBy(args: RolloutArguments): RolloutWish {
  const said: Readonly<Record<string, unknown>> = { ...args, windows: args.window };
  return Object.fromEntries(rolloutKeys.flatMap((key) => (said[key] === undefined ? [] : [[key, said[key]]])));
}

/** Options over what other options said before, when a plan was saved. */
export function withSaid<A extends RolloutArguments>(args: A, said: RolloutWish): A {
  const { windows: window, ...wish } = joinRollouts([said, saidBy(args)]);
  return { ...args, ...wish, ...(window !== undefined && { window }) };
}

function domainOf(host: InventoryHost, { domain = 'rack' }: RolloutWish): string | null {
  if (domain === 'rack') return host.rack;
  const value = Object.hasOwn(host.vars, domain) ? host.vars[domain] : undefined;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}

/** Hosts of no failure domain would be limited by nothing; one host alone needs no limit. */
function requireDomains(
  hosts: readonly { readonly name: string; readonly domain: string | null }[],
  { domain = 'rack' }: RolloutWish,
): void {
  const without = hosts.filter((host) => host.domain === null).map(({ name }) => name);
  if (without.length === 0 || hosts.length === 1) return;
  const [of, next] =
    domain === 'rack' ? ['rack', 'say `rack: …` of them'] : [`variable ${domain}`, `set ${domain} on them`];
  throw new VfleetError({
    code: 'rollout.domain',
    thing: domain === 'rack' ? 'the limit per rack' : `the limit per ${domain}`,
    expected: `a ${of} of every host`,
    found: `none of ${foldNames(without).join(', ')}`,
    next: `${next} in the inventory, or leave them out with -l`,
  });
}

function canariesOf({ fleet }: Wished, { canary = [] }: RolloutWish, args: RolloutArguments): ReadonlySet<string> {
  if (canary.length === 0) return new Set();
  const option = args.canary === undefined ? 'canary:' : '--canary';
  const named = new Set(select(fleet.inventory, canary, { option }).map(({ name }) => name));
  const canaries = fleet.hosts.filter(({ name }) => named.has(name)).map(({ name }) => name);
  // One host alone is its own canary.
  if (canaries.length > 0 || (fleet.hosts.length === 1 && args.canary === undefined)) return new Set(canaries);
  throw new VfleetError({
    code: 'rollout.canary',
    thing: `${option} ${JSON.stringify(canary.join(','))}`,
    expected: 'a host among those that were chosen',
    found: `only others: ${foldNames([...named]).join(', ')}`,
    next: 'choose them too, name others with --canary, or go without with --no-canary',
  });
}

import {
  type HugepagePlan,
  type HugepageWish,
  nameOf,
  planHugepages,
  refuseWithOtherPools,
} from '../boot/hugepages.ts';
import { ownedSomewhere } from '../boot/owned.ts';
import { VfleetError } from '../errors.ts';
import { sh } from '../shell/script.ts';
import { diffOf } from './diff.ts';
import type { Effect } from './effect.ts';
import { type FileWish, fileSet } from './file-set.ts';
import type { Change, ChangeContext, Resource, State } from './resource.ts';
import { unitFiles } from './systemd-unit.ts';

const unit = 'vfleet-hugepages.service';
const script = '/etc/vfleet/hugepages.sh';

/** Whoever sets counts at run time, when memory is in pieces already: sysctl.d(5). */
const otherOwners = sh`grep -HsE '^[[:space:]]*vm[./]nr_hugepages(_mempolicy)?[[:space:]]*=' /etc/sysctl.conf /etc/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf
:`;

/**
 * What a pool of huge pages needs beside the kernel arguments of `hugepageArguments`: where the kernel takes no counts by NUMA
 * node (before 5.16), a unit that writes them early at boot. And it sees to it that nobody else owns the pool. Errors
 * (`VfleetError`): those of `planHugepages`; `hugepages.owner`.
 *
 * @example
 * const wish = { nodes: { 0: 100, 1: 100 } };
 * await host.ensure(kernelArguments(hugepageArguments(host.facts, wish)), hugepagePool(wish));
 */
export function hugepagePool(wish: HugepageWish): Resource {
  return {
    kind: 'huge pages',
    name: 'huge pages',
    read: () => ({ files: filesOf(null).map(({ path }) => path), probes: { owners: otherOwners } }),
    change: (state, context) => change(wish, state, context),
  };
}

function change(wish: HugepageWish, state: State, context: ChangeContext): Change | null {
  const { facts, host } = context;
  const plan = planHugepages(facts, wish, host);
  if (wish.owner === undefined) refuseOwner(state.probe('owners').stdout, host);
  if (wish.owner === undefined) refuseWithOtherPools(facts, plan, (token) => isOwned(token, context), host);
  if (!plan.byUnit || wish.owner !== undefined) return takeAway(state, context);
  const counts = Object.entries(plan.nodes ?? {}).map(([node, pages]) => `${pages} on node ${node}`);
  const summary = `reserve pages of ${nameOf(plan.sizeKiB)} early at boot: ${counts.join(', ')}`;
  return fileSet(
    { resource: 'huge pages', summary, effects: rebootOf('the pool changes') },
    filesOf(plan),
    state,
    context,
  );
}

/** An argument of an earlier run, which that of this one replaces. */
function isOwned(token: string, { ownedArguments, shared }: ChangeContext): boolean {
  return [ownedArguments, shared?.mine.tokens ?? {}].some((owned) => ownedSomewhere(owned).includes(token));
}

/** Pages of 1 GiB are not to be had later, when memory is in pieces. */
function rebootOf(reason: string): readonly Effect[] {
  return [{ kind: 'reboot', reason: `${reason}, and huge pages are reserved at boot`, present: [], absent: [] }];
}

/** A unit of an earlier run, where the kernel's own argument does now. */
function takeAway(state: State, { shared }: ChangeContext): Change | null {
  const there = filesOf(null)
    .map(({ path }) => path)
    .filter((path) => state.file(path).kind === 'file');
  if (there.length === 0 || there.some((path) => shared?.files.has(path))) return null;
  return {
    resource: 'huge pages',
    summary: `remove ${unit}`,
    diffs: there.map((path) => diffOf(path, state.file(path), null)),
    actions: there.map((path) => ({ kind: 'remove', path })),
    effects: rebootOf(`${unit} goes`),
    notes: [],
  };
}

function filesOf(plan: HugepagePlan | null): readonly FileWish[] {
  const service = { template: 'hugepages.service.hbs', data: { script } };
  const data = { unit, sizeKiB: plan?.sizeKiB ?? 0, nodes: plan?.nodes ?? {} };
  return [
    ...unitFiles(unit, service, 'sysinit.target'),
    { path: script, content: { template: 'hugepages.sh.hbs', data } },
  ];
}

function refuseOwner(printed: string, host: string): void {
  const [line] = printed.split('\n').filter(Boolean);
  if (line === undefined) return;
  throw new VfleetError({
    code: 'hugepages.owner',
    host,
    thing: 'huge pages',
    expected: 'nobody else who sets their number',
    found: line,
    next: 'take that line out; nothing was changed',
  });
}

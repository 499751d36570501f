import { createHash } from 'node:crypto';
import { refuseUnknownInitramfs } from '../boot/initramfs.ts';
import { joinOwned, type OwnedArguments } from '../boot/owned.ts';
import { VfleetError } from '../errors.ts';
import type { Effect } from './effect.ts';
import { mergeEffects } from './effect-order.ts';
import type { Action, Change, ChangeContext, Resource, State } from './resource.ts';

/** What one `ensure` would do on a host. */
export interface EnsurePlan {
  readonly changes: readonly (Change & { readonly digest: string })[];
  readonly actions: readonly Action[];
  /** In the order in which `settle` consumes them. */
  readonly effects: readonly Effect[];
  /** Tokens that the playbook owns from now on, by place; `null`: as before. */
  readonly ownedArguments: OwnedArguments | null;
  /** Lines that the playbook owns from now on, of each path that a change says something about. */
  readonly ownedLines: Readonly<Record<string, readonly string[]>>;
  /** What stood in the place of lines, by path and line. */
  readonly formerLines: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * Asks every resource what it would change. Pure. Errors (`VfleetError`), of the host: `ensure.name` and `ensure.path` for two
 * resources that are after the same thing, `initramfs.unsupported`, and whatever a resource refuses.
 */
export function planEnsure(
  resources: readonly Resource[],
  states: ReadonlyMap<string, State>,
  context: ChangeContext,
): EnsurePlan {
  refuseTwins(resources, context.host);
  const changes = resources.flatMap((resource) => {
    const change = changeOf(resource, states, context);
    return change === null ? [] : [{ ...change, digest: digestOf(change) }];
  });
  refuseSharedPaths(changes, context.host);
  const rebuilds = changes.some(({ effects }) => effects.some(({ kind }) => kind === 'initramfs'));
  if (rebuilds || context.initramfsDue === true) refuseInitramfs(context);
  const owned = changes.flatMap((change) => (change.ownedArguments === undefined ? [] : [change.ownedArguments]));
  return {
    changes,
    actions: changes.flatMap((change) => change.actions),
    effects: mergeEffects(changes.flatMap((change) => change.effects)),
    ownedArguments: owned.length === 0 ? null : owned.reduce(joinOwned),
    ownedLines: Object.assign({}, ...changes.map((change) => change.ownedLines ?? {})) as OwnedArguments,
    formerLines: Object.assign({}, ...changes.map((change) => change.formerLines ?? {})) as EnsurePlan['formerLines'],
  };
}

/** SHA-256 of all that a change would do, and of what it shows: equal digests do the same to the same. */
export function digestOf(change: Change): string {
  const scripts = change.actions.map((action) =>
    action.kind === 'run' ? { ...action, script: action.script.text } : action,
  );
  return createHash('sha256')
    .update(
      JSON.stringify([
        ...[scripts, change.effects.map(({ reason: _, ...effect }) => effect), change.diffs],
        // What is taken over or shared shows in no diff.
        ...(change.adopts === undefined ? [] : [change.adopts, change.summary]),
        ...(change.shares === undefined ? [] : [change.shares, change.summary]),
      ]),
    )
    .digest('hex');
}

function changeOf(resource: Resource, states: ReadonlyMap<string, State>, context: ChangeContext): Change | null {
  const state = states.get(resource.name);
  if (state === undefined) throw new Error(`${resource.name} was not read`);
  try {
    return resource.change(state, context);
  } catch (error) {
    throw error instanceof VfleetError ? error.of(context.host) : error;
  }
}

/** In time: once a file is written, an initramfs that cannot be rebuilt leaves the host half changed. */
function refuseInitramfs({ facts, host, initramfsDue }: ChangeContext): void {
  try {
    refuseUnknownInitramfs(facts);
  } catch (error) {
    if (!(error instanceof VfleetError)) throw error;
    if (initramfsDue !== true) throw error.of(host);
    const next = `an earlier run has left it due: \`vfleet undo\` of the playbook that did takes its files back, and strikes it; ${error.parts.next}`;
    throw new VfleetError({ ...error.parts, host, next });
  }
}

function refuseTwins(resources: readonly Resource[], host: string): void {
  const twin = resources.find((resource, index) => resources.findIndex(({ name }) => name === resource.name) < index);
  if (twin === undefined) return;
  throw new VfleetError({
    code: 'ensure.name',
    host,
    thing: twin.name,
    expected: 'one resource of this name in one ensure()',
    found: 'two',
    next: 'make one of them; nothing was changed',
  });
}

function refuseSharedPaths(changes: readonly Change[], host: string): void {
  const owners = new Map<string, string>();
  for (const { resource, actions } of changes) {
    for (const action of actions) {
      if (action.kind === 'run') continue;
      const other = owners.get(action.path);
      if (other !== undefined && other !== resource) {
        throw new VfleetError({
          code: 'ensure.path',
          host,
          thing: action.path,
          expected: 'one resource that writes it',
          found: `${other} and ${resource}`,
          next: 'leave it to one of them; nothing was changed',
        });
      }
      owners.set(action.path, resource);
    }
  }
}

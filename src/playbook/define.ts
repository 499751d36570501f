import { z } from 'zod';
import type { Check } from '../checks/check.ts';
import { VfleetError } from '../errors.ts';
import type { CustomFact } from '../facts/custom-fact.ts';
import type { Hooks, HooksInput } from '../hooks/hook.ts';
import { readHooks } from '../hooks/read-hooks.ts';
import type { HostHandle, Subject } from '../host/handle.ts';
import { didYouMean } from '../nearest.ts';
import { type RolloutInput, type RolloutWish, readRolloutKey, rolloutExpected, rolloutKeys } from '../rollout/wish.ts';

/** Facts of a playbook's own, by name; see `fact`. */
export type CustomFacts = Readonly<Record<string, CustomFact<unknown>>>;

/** The values that custom facts have on `host.facts`. */
export type FactValues<F extends CustomFacts> = {
  readonly [Name in keyof F]: F[Name] extends CustomFact<infer Value> ? Value : never;
};

/** What a playbook says. Types flow from `vars` and `facts` into every function with no annotation. */
export interface PlaybookDefinition<V extends z.ZodType, F extends CustomFacts> {
  /** For people: `PCI passthrough`. */
  readonly name: string;
  /** One sentence for `--help` and reports. */
  readonly description?: string;
  /** The variables that it takes from inventory and `-e`, validated for every host before any host is touched. */
  readonly vars?: V;
  /** Facts beside the built-in ones, read in the same probe. */
  readonly facts?: F;
  /**
   * How `apply` goes about its hosts, where neither the inventory nor an option says otherwise.
   *
   * @example
   * rollout: { canary: 'group_of_canaries', batches: [1, 5, '10%'], perRack: 2, soak: '5m' }
   */
  readonly rollout?: RolloutInput;
  /**
   * What stands around a reboot that is due: a function of the host, or a command. See `libvirt` and `cloudpods` for ready ones.
   *
   * @example
   * hooks: { drain: { run: 'virsh …', where: 'host', timeout: '5m' }, undrain: async (host) => { … } }
   */
  readonly hooks?: HooksInput;
  /** Checks that refuse a host before anything is written: a failure or an unknown does. */
  readonly gate?: (host: Subject<z.output<V>, FactValues<F>>) => readonly Check[];
  /** May change the host, only through `host.ensure` and `host.settle`. `plan` runs it with writing off. */
  readonly apply?: (host: HostHandle<z.output<V>, FactValues<F>>) => Promise<void> | void;
  /** Checks that prove the result. Never changes anything, and also runs alone. */
  readonly verify?: (host: Subject<z.output<V>, FactValues<F>>) => readonly Check[];
}

/** A playbook as the runner takes it: the definition with its types erased. */
export interface Playbook {
  readonly vfleet: 'playbook';
  readonly name: string;
  readonly description: string | null;
  readonly vars: z.ZodType;
  readonly facts: CustomFacts;
  readonly rollout: RolloutWish;
  readonly hooks: Hooks;
  readonly gate: (host: Subject<unknown, unknown>) => readonly Check[];
  readonly apply: (host: HostHandle<unknown, unknown>) => Promise<void> | void;
  readonly verify: (host: Subject<unknown, unknown>) => readonly Check[];
}

/**
 * Defines a playbook: the default export of a playbook file.
 *
 * @example
 * export default playbook({
 *   name: 'Message of the day',
 *   vars: z.object({ motd: z.string() }),
 *   async apply(host) {
 *     await host.ensure(file('/etc/motd', `${host.vars.motd}\n`));
 *   },
 * });
 */
export function playbook<
  V extends z.ZodType = z.ZodObject<Record<never, never>>,
  F extends CustomFacts = Record<never, never>,
>(definition: PlaybookDefinition<V, F>): Playbook {
  refuseMistakes(definition);
  const rollout = readRollout(definition.rollout ?? {});
  // The runner hands every function a host whose vars went through `vars` and whose facts hold `facts`.
  const erased = definition as unknown as Partial<Playbook>;
  return {
    vfleet: 'playbook',
    name: definition.name,
    description: definition.description ?? null,
    vars: definition.vars ?? z.object({}),
    facts: definition.facts ?? {},
    rollout,
    hooks: readHooks(definition.hooks, 'playbook({ … })'),
    gate: erased.gate ?? (() => []),
    apply: erased.apply ?? (() => {}),
    verify: erased.verify ?? (() => []),
  };
}

const keys: readonly string[] = ['name', 'description', 'vars', 'facts', 'rollout', 'hooks', 'gate', 'apply', 'verify'];

/** Types are not checked when a playbook is loaded, and a mistyped `gate` would be no gate. */
function refuseMistakes(definition: object): void {
  for (const [key, value] of Object.entries(definition)) {
    if (!keys.includes(key)) throw mistake(key, `one of ${keys.join(', ')}`, `an unknown key${didYouMean(key, keys)}`);
    if (['gate', 'apply', 'verify'].includes(key) && value !== undefined && typeof value !== 'function') {
      throw mistake(key, 'a function of the host', typeof value);
    }
  }
  const { name, vars } = definition as { name?: unknown; vars?: unknown };
  if (typeof name !== 'string' || name === '') throw mistake('name', 'a name', typeof name);
  if (vars !== undefined && typeof (vars as { safeParse?: unknown }).safeParse !== 'function') {
    throw mistake('vars', 'a schema: z.object({ … })', typeof vars);
  }
}

/** Each key for itself: a mistyped limit would be none. */
function readRollout(given: unknown): RolloutWish {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw mistake('rollout', 'an object: { perRack: 2 }', Array.isArray(given) ? 'a list' : typeof given);
  }
  const read = Object.entries(given).flatMap(([name, value]): readonly (readonly [string, unknown])[] => {
    const key = rolloutKeys.find((known) => known === name);
    if (key === undefined) {
      const found = `an unknown key${didYouMean(name, rolloutKeys)}`;
      throw mistake(`rollout.${name}`, `one of ${rolloutKeys.join(', ')}`, found);
    }
    if (value === undefined) return [];
    const wish = readRolloutKey(key, value);
    if (wish === null) throw mistake(`rollout.${key}`, rolloutExpected[key], JSON.stringify(value) ?? typeof value);
    return [[key, wish]];
  });
  return Object.fromEntries(read);
}

function mistake(key: string, expected: string, found: string): VfleetError {
  return new VfleetError({
    code: 'playbook.definition',
    thing: `${key} of playbook({ … })`,
    expected,
    found,
    next: 'correct the playbook',
  });
}

/** Whether a value is what `playbook` made, also when another copy of the package made it. */
export function isPlaybook(value: unknown): value is Playbook {
  return typeof value === 'object' && value !== null && (value as { vfleet?: unknown }).vfleet === 'playbook';
}

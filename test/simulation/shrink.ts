import { playAndCompare } from './compare.ts';
import type { Violation } from './rules.ts';
import type { Scenario } from './scenario.ts';

const longest = 80;

/** A smaller scenario that breaks the same rule: fewer hosts, fewer faults, less of a policy. Tries 80 times at most. */
export async function shrink(scenario: Scenario, rule: string): Promise<Scenario> {
  let left = longest;
  let smallest = scenario;
  const breaks = async (candidate: Scenario): Promise<boolean> => {
    left -= 1;
    return (await violationsOf(candidate)).some((violation) => violation.rule === rule);
  };
  for (let before: Scenario | null = null; before !== smallest && left > 0; ) {
    before = smallest;
    for (const smaller of reductions) {
      for (let at = 0; left > 0; ) {
        const candidate = smaller(smallest, at);
        if (candidate === null) break;
        if (candidate !== smallest && (await breaks(candidate))) smallest = candidate;
        else at += 1;
      }
    }
  }
  return smallest;
}

/** What a scenario breaks; what the model itself does not know counts too. */
export async function violationsOf(scenario: Scenario): Promise<readonly Violation[]> {
  try {
    return (await playAndCompare(scenario)).violations;
  } catch (thrown) {
    return [brokenModel(thrown)];
  }
}

/** The model met something that it does not know: the simulation says nothing then, and must be mended. */
export function brokenModel(thrown: unknown): Violation {
  return {
    rule: 'the model is complete',
    text: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
  };
}

/** The n-th way to make a scenario smaller; `null`: there are no more, the same scenario: this one changes nothing. */
type Reduction = (scenario: Scenario, at: number) => Scenario | null;

const reductions: readonly Reduction[] = [
  (scenario, at) => withoutHosts(scenario, chunk(scenario.hosts, at, 4)),
  (scenario, at) => withoutFaults(scenario, chunk(scenario.faults, at, 4)),
  (scenario, at) => withoutHosts(scenario, chunk(scenario.hosts, at, scenario.hosts.length)),
  (scenario, at) => withoutFaults(scenario, chunk(scenario.faults, at, scenario.faults.length)),
  (scenario, at) => simpler(scenario, at),
];

/** The n-th of so many parts of a list. */
function chunk<Value>(values: readonly Value[], at: number, parts: number): readonly Value[] | null {
  if (at >= Math.min(parts, values.length)) return null;
  const size = Math.ceil(values.length / Math.max(1, parts));
  return values.slice(at * size, (at + 1) * size);
}

function withoutHosts(scenario: Scenario, gone: Scenario['hosts'] | null): Scenario | null {
  if (gone === null || gone.length === scenario.hosts.length) return null;
  const names = new Set(gone.map(({ name }) => name));
  return {
    ...scenario,
    hosts: scenario.hosts.filter(({ name }) => !names.has(name)),
    faults: scenario.faults.filter((fault) => !('host' in fault && names.has(fault.host))),
    rollout: { ...scenario.rollout, canaries: scenario.rollout.canaries.filter((name) => !names.has(name)) },
  };
}

function withoutFaults(scenario: Scenario, gone: Scenario['faults'] | null): Scenario | null {
  return gone === null ? null : { ...scenario, faults: scenario.faults.filter((fault) => !gone.includes(fault)) };
}

const plain: readonly Partial<Scenario['rollout']>[] = [
  { canaries: [] },
  { batches: [] },
  { perDomain: {}, domains: {} },
  { pause: 0 },
  { windows: [] },
  { soak: 0 },
  { maxConnecting: null, maxApplying: null, maxRebooting: null },
];

const fewer: readonly Partial<Scenario>[] = [...[{ wish: 'arguments' } as const, { hooks: null }, { again: false }]];

function simpler(scenario: Scenario, at: number): Scenario | null {
  const part = plain[at];
  const other = fewer[at - plain.length];
  if (part === undefined && other === undefined) return null;
  const candidate = { ...scenario, ...other, rollout: { ...scenario.rollout, ...part } };
  return JSON.stringify(candidate) === JSON.stringify(scenario) ? scenario : candidate;
}

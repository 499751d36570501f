import type { HostEnd } from '../../src/host/run.ts';
import type { Rollout } from '../../src/rollout/rollout.ts';
import type { Machine } from './machine.ts';

/** How a host was when a run ended there. */
interface Left {
  readonly generation: number;
  /** The run has taken it down, or was told that it is. */
  readonly out: boolean;
  /** It has accepted a reboot, and not gone down for it: it may do so at any time. */
  readonly due: boolean;
}

/**
 * Hosts that one run, in all its parts, has taken out of service: by what the machines are, and not by what the program counts.
 * Whoever fell silent for a reason of its own counts only when the run was at work on it and has ended with that.
 */
export class Outages {
  readonly #machines: ReadonlyMap<string, Machine>;
  readonly #run: string;
  readonly #rollout: Rollout;
  /** The generation whose end was asked for last. */
  readonly #asked = new Map<string, number>();
  readonly #changed = new Set<string>();
  readonly #left = new Map<string, Left>();

  constructor(machines: ReadonlyMap<string, Machine>, run: string, rollout: Rollout) {
    this.#machines = machines;
    this.#run = run;
    this.#rollout = rollout;
  }

  /** The run begins with a host, or goes on with it. */
  started(host: string): void {
    this.#left.delete(host);
  }

  changed({ name }: Machine): void {
    this.#changed.add(name);
  }

  asked({ name, generation }: Machine): void {
    this.#asked.set(name, generation);
  }

  ended(machine: Machine, { state, holdsSlot = state === 'lost' }: HostEnd): void {
    const { name, generation } = machine;
    const toldDown = holdsSlot || (state === 'unreachable' && this.#changed.has(name));
    const due = generation === this.#asked.get(name);
    this.#left.set(name, { generation, out: toldDown || this.#isAway(machine), due });
  }

  /** Why one more host of a failure domain must not go out of service now; `null`: it may. */
  tooMany(host: string): string | null {
    const { domains, perDomain } = this.#rollout;
    const domain = domains[host];
    const limit = domain === undefined ? undefined : perDomain[domain];
    if (limit === undefined) return null;
    const others = [...this.#machines.values()].filter(({ name }) => name !== host && domains[name] === domain);
    const out = others.filter((machine) => this.#isOut(machine)).map(({ name }) => name);
    return out.length < limit ? null : `${out.join(' ')} of ${domain} are out of service by it; allowed: ${limit}`;
  }

  #isOut(machine: Machine): boolean {
    const { name, generation, drainedBy } = machine;
    if (drainedBy === this.#run) return true;
    const left = this.#left.get(name);
    if (left === undefined) return generation === this.#asked.get(name) || this.#isAway(machine);
    // With another boot it was there in between.
    return left.generation === generation && (left.due || (left.out && !machine.serves));
  }

  /** Whether it is down since a reboot that the run has asked for. */
  #isAway({ name, generation, power }: Machine): boolean {
    const asked = this.#asked.get(name);
    return power === 'down' && asked !== undefined && generation === asked + 1;
  }
}

import type { Stamped } from '../../src/events/event.ts';
import type { HostEnd } from '../../src/host/run.ts';
import type { FaultOf } from './fault.ts';
import { judgeEnd, lacksWish } from './judge.ts';
import type { Machine } from './machine.ts';
import type { MemoryJournal } from './memory-journal.ts';
import type { World } from './play.ts';
import type { Arrived } from './scripts.ts';
import type { Witness } from './simulated-link.ts';

/** A run at work on a host, as far as anybody can see from outside. */
interface AtWork {
  readonly watch: Watch;
  readonly generation: number;
  /** When a script of it last arrived there. */
  readonly heard: number;
  /** It has asked for the end of this generation. */
  readonly asked: boolean;
}

/** What a lease lasts for certain, in milliseconds, from the last time that its holder was heard of. */
const certain = 100_000;

/**
 * Watches what one part of a run does to hosts, and tells what must not be so. It knows the policy and the models, and nothing of
 * what the program thinks.
 */
export class Watch implements Witness {
  readonly run: string;
  /** Its controller is there, and has not come to its end. */
  alive = true;
  readonly #world: World;
  readonly #name: string;
  readonly #journal: MemoryJournal;
  readonly #limited: boolean;
  readonly #connecting = new Set<string>();
  readonly #applying = new Set<string>();
  readonly #changed = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #diedSoaking = new Set<string>();

  /** `limited`: the rollout's own limits count. */
  constructor(world: World, name: string, run: string, journal: MemoryJournal, limited: boolean) {
    this.#world = world;
    this.#name = name;
    this.run = run;
    this.#journal = journal;
    this.#limited = limited;
  }

  connects({ name }: Machine): () => void {
    this.#connecting.add(name);
    this.#atMost('maxConnecting', this.#connecting, 'log in');
    return () => this.#connecting.delete(name);
  }

  loggedIn({ name }: Machine): void {
    this.#announced('host-started', name, 'a log-in');
  }

  arrives(machine: Machine, { kind, body }: Arrived): () => void {
    const { name, generation } = machine;
    const { atWork, time } = this.#world;
    const before = atWork.get(name);
    if (before?.watch.run === this.run)
      atWork.set(name, {
        watch: this,
        generation,
        heard: time.now,
        asked: before.asked && before.generation === generation,
      });
    // It gives the host back, whether it hears of that or not.
    if (kind === 'lease' && body.includes('\nrelease_lease ') && before?.watch.run === this.run) atWork.delete(name);
    if (kind !== 'write' && kind !== 'job') return () => {};
    this.#applying.add(name);
    this.#atMost('maxApplying', this.#applying, 'apply');
    return () => this.#applying.delete(name);
  }

  changes(machine: Machine, { kind, body }: Arrived): void {
    const { name } = machine;
    this.#changed.add(name);
    if (this.#limited) this.#world.outages.changed(machine);
    if (kind === 'write') this.#announced('write-intent', name, 'a write');
    if (kind === 'job') this.#announced('effect-intent', name, 'a job');
    if (kind === 'reboot') this.#reboots(machine);
    if (kind === 'hook') this.#hook(machine, body.includes('undrain') ? 'undrain' : 'drain');
    this.#alone(machine, kind === 'reboot');
  }

  event(event: Stamped): void {
    if (event.type === 'host-started') this.#starts(event.host);
    if (event.type === 'phase' && event.phase === 'soak' && event.detail?.startsWith('verified'))
      this.#soaks(event.host);
  }

  ended(host: string, end: HostEnd): void {
    const { machines, atWork, scenario } = this.#world;
    const machine = machines.get(host);
    if (machine === undefined) return;
    this.#ended.add(host);
    if (atWork.get(host)?.watch.run === this.run) atWork.delete(host);
    const { hooks } = scenario;
    if (this.#limited) this.#world.outages.ended(machine, end);
    judgeEnd(machine, end, { changed: this.#changed.has(host), run: this.run, hooks }, this.#tell);
    // In a later part it is nobody's who reboots: its place is that of a lost host.
    if (end.state === 'lost') this.#world.rebooting.get(this.run)?.delete(host);
    if (end.state !== 'ok') return;
    if (this.#diedSoaking.has(host)) this.#tell('soak', `${host} died while it was watched, and ends as ok`);
    const watched = this.#world.time.now - machine.bootedAt;
    if (this.#limited && this.#isOwnBoot(machine) && watched < scenario.rollout.soak)
      this.#tell('soak', `${host} ends as ok ${watched} ms after its boot`);
  }

  /** Its controller died, or came to its end. */
  over(): void {
    this.alive = false;
    for (const [host, { watch }] of this.#world.atWork) if (watch === this) this.#world.atWork.delete(host);
  }

  #starts(host: string): void {
    this.#leavesRackUp(host, 'starts');
    if (this.#limited) this.#world.outages.started(host);
  }

  /** A rack is never taken down: whatever the program counts, the machines of one that this run has out are few enough. */
  #leavesRackUp(host: string, does: string): void {
    const why = this.#limited ? this.#world.outages.tooMany(host) : null;
    if (why !== null) this.#tell('a rack stays up', `${host} ${does} while ${why}`);
  }

  #reboots(machine: Machine): void {
    const { name, generation } = machine;
    const { rebooting, scenario, machines } = this.#world;
    this.#announced('reboot', name, 'a request to reboot');
    this.#leavesRackUp(name, 'is asked to reboot');
    if (this.#limited) this.#world.outages.asked(machine);
    if (scenario.hooks !== null && machine.drainedBy === null)
      this.#tell('drained first', `${name} is asked to reboot, and is in service`);
    const asked = rebooting.get(this.run) ?? new Map<string, { generation: number; watch: Watch }>();
    rebooting.set(this.run, asked.set(name, { generation, watch: this }));
    const away = [...asked].flatMap(([host, at]) => {
      const other = machines.get(host);
      if (other === undefined || this.#ended.has(host)) return [];
      const isDown = other.generation === at.generation + 1 && other.power === 'down';
      const isAsked = other.generation === at.generation && at.watch === this;
      return isDown || isAsked ? [host] : [];
    });
    this.#atMost('maxRebooting', new Set(away), 'reboot');
  }

  /** Whether it runs the boot that this run has asked for. A run that finds all in place does not watch a host. */
  #isOwnBoot({ name, generation }: Machine): boolean {
    return this.#world.rebooting.get(this.run)?.get(name)?.generation === generation - 1;
  }

  #hook(machine: Machine, hook: 'drain' | 'undrain'): void {
    const { name, time, bootedAt } = machine;
    this.#announced(hook, name, `the hook ${hook}`);
    if (hook === 'drain') return this.#leavesRackUp(name, 'is drained');
    const lacks = lacksWish(machine);
    if (lacks !== null) this.#tell('undrained when well', `${name} is taken back, and ${lacks}`);
    const { soak } = this.#world.scenario.rollout;
    if (this.#limited && this.#isOwnBoot(machine) && time.now - bootedAt < soak)
      this.#tell('soak', `${name} is taken back ${time.now - bootedAt} ms after its boot`);
  }

  /** No two runs work on one host, as long as the first can be known to be there. */
  #alone(machine: Machine, asks: boolean): void {
    const { name, generation, time, uptime } = machine;
    const { atWork, scenario } = this.#world;
    const other = atWork.get(name);
    if (other !== undefined && other.watch.run !== this.run && other.watch.alive) {
      const isThere = other.generation === generation && time.now - other.heard < certain;
      const isAway = other.asked && generation === other.generation + 1 && uptime * 1_000 < scenario.deadline - 1_000;
      if (isThere || isAway)
        this.#tell('one run at a time', `${name} is changed while ${other.watch.run} is at work on it`);
    }
    atWork.set(name, { watch: this, generation, heard: time.now, asked: asks });
  }

  #soaks(host: string): void {
    const { machines, time } = this.#world;
    const machine = machines.get(host);
    const fault = machine?.faults.find((one): one is FaultOf<'dies-soaking'> => one.kind === 'dies-soaking');
    if (machine === undefined || fault === undefined || machine.seen.has(fault.kind)) return;
    const { generation } = machine;
    time.after(fault.after, () => {
      // Mended, or gone by itself.
      if (machine.generation !== generation || !machine.faults.includes(fault) || !this.alive) return;
      if (this.#ended.has(host)) return;
      machine.notice(fault);
      this.#diedSoaking.add(host);
      machine.goDown('crash', !fault.back);
    });
  }

  #announced(act: string, host: string, doing: string): void {
    if (!this.#journal.announced.has(`${act} ${host}`))
      this.#tell('intents first', `${host}: ${doing} with no ${act} on disk`);
  }

  #atMost(limit: 'maxConnecting' | 'maxApplying' | 'maxRebooting', hosts: ReadonlySet<string>, doing: string): void {
    const most = this.#limited ? this.#world.scenario.rollout[limit] : null;
    if (most !== null && hosts.size > most)
      this.#tell(limit, `${[...hosts].join(' ')} ${doing} at once; allowed: ${most}`);
  }

  readonly #tell = (rule: string, text: string): void => {
    this.#world.violations.push({ rule, text: `${this.#name}: ${text}` });
  };
}

export type { AtWork };

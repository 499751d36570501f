import type { HostState, Stamped } from '../../src/events/event.ts';
import type { Rollout } from '../../src/rollout/rollout.ts';
import { isOpen, parseWindow, type Window } from '../../src/rollout/window.ts';

/** Something that must never be so. */
export interface Violation {
  readonly rule: string;
  readonly text: string;
}

type Standing = 'waiting' | 'working' | 'cut-off' | HostState;

const bad: ReadonlySet<Standing> = new Set(['failed', 'unreachable', 'lost', 'rolled-back']);

/**
 * What must be true of one run's events in all its parts, told as they happen. Worked out anew from what a rollout promises, not
 * from what `decide` does.
 */
export class Rules {
  readonly violations: Violation[] = [];
  readonly #rollout: Rollout;
  readonly #windows: readonly Window[];
  readonly #hosts = new Map<string, Standing>();
  /** Hosts that count against the limits though their run has ended. */
  readonly #holding = new Set<string>();
  /** Hosts that stopped answering when they ended last. */
  readonly #fellSilent = new Set<string>();
  /** As what hosts had ended that are only looked at again: they count as that until they end anew. */
  readonly #was = new Map<string, Standing>();
  /** Hosts that were refused after they had been changed. */
  readonly #halfDone = new Set<string>();
  #lastStart: number | null = null;
  #stopped = false;

  constructor(hosts: readonly string[], rollout: Rollout) {
    this.#rollout = rollout;
    this.#windows = rollout.windows.map(parseWindow);
    for (const host of hosts) this.#hosts.set(host, 'waiting');
  }

  get states(): ReadonlyMap<string, Standing> {
    return this.#hosts;
  }

  /** A controller died: its hosts are as its journal has them, and whoever resumes looks whether lost ones are back. */
  cutOff(known: readonly Stamped[]): void {
    const ends = new Map<string, Extract<Stamped, { type: 'host-ended' }> | 'cut-off'>();
    for (const event of known) {
      if (event.type === 'host-started') ends.set(event.host, 'cut-off');
      // Those that only were not started may be, by whoever resumes.
      if (event.type === 'host-ended' && event.state !== 'skipped') ends.set(event.host, event);
    }
    for (const [host, at] of this.#hosts) {
      if (at === 'waiting') continue;
      // One that was announced in vain has not begun.
      const end = ends.get(host) ?? 'waiting';
      const isEnded = typeof end !== 'string';
      this.#hosts.set(host, isEnded ? end.state : end);
      if (isEnded && (end.holdsSlot ?? end.state === 'lost')) this.#holding.add(host);
      else this.#holding.delete(host);
      if (isEnded) this.#note(end);
    }
    this.#lookAgain();
    this.#lastStart = null;
  }

  /** Lost hosts are begun with again, where there is anything else to do and the budget is not spent. */
  #lookAgain(): void {
    const isLeft = [...this.#hosts.values()].some((at) => at === 'waiting' || at === 'cut-off');
    if (!isLeft || this.#isSpent()) return;
    for (const [host, at] of this.#hosts)
      if (this.#holding.has(host) && this.#fellSilent.has(host)) {
        this.#was.set(host, at);
        this.#hosts.set(host, 'cut-off');
        this.#holding.delete(host);
      }
  }

  stop(): void {
    this.#stopped = true;
  }

  take(event: Stamped, now: number, wall: number): void {
    if (event.type === 'host-started') this.#start(event.host, now, wall);
    if (event.type === 'host-ended') {
      if (event.state === 'skipped') this.#judgeSkip(event.host, event.failure?.code ?? 'none');
      this.#end(event.host, event.state, event.holdsSlot ?? event.state === 'lost');
      this.#note(event);
    }
  }

  #note({ host, state, failure, writes, reboots }: Extract<Stamped, { type: 'host-ended' }>): void {
    const code = failure?.code ?? '';
    const put = (set: Set<string>, is: boolean): unknown => (is ? set.add(host) : set.delete(host));
    put(this.#fellSilent, /^(?:ssh|shell|sudo)\.|^reboot\.not-started$/.test(code) || /lost|unreachable/.test(state));
    put(this.#halfDone, state === 'refused' && writes + reboots > 0 && !code.startsWith('guests.'));
    this.#was.delete(host);
  }

  /** At the end of a run that was not killed. */
  over(): void {
    for (const [host, at] of this.#hosts) {
      if (at === 'waiting' || at === 'working' || at === 'cut-off')
        this.#break('one end', `${host} is ${at} in the end`);
    }
  }

  #start(host: string, now: number, wall: number): void {
    const before = this.#hosts.get(host);
    if (before !== 'waiting' && before !== 'cut-off') this.#break('one start', `${host} starts when it is ${before}`);
    if (before !== 'cut-off') this.#judgeStart(host, now, wall);
    else if (this.#was.has(host) && !isOpen(this.#windows, wall))
      this.#break('windows', `${host}, which had ended, goes on at ${new Date(wall).toISOString()}`);
    this.#hosts.set(host, 'working');
    this.#lastStart = now;
  }

  #judgeStart(host: string, now: number, wall: number): void {
    const { canaries, maxFailures, maxCanaryFailures, pause, domains, perDomain } = this.#rollout;
    const flying = [...this.#hosts]
      .filter(([name, at]) => at === 'working' || at === 'cut-off' || this.#holding.has(name))
      .map(([name]) => name);
    const width = this.#width();
    if (flying.length + 1 > width)
      this.#break('in flight', `${host} starts while ${flying.join(' ')} are in flight; allowed: ${width}`);
    const domain = domains[host];
    const limit = domain === undefined ? undefined : perDomain[domain];
    const there = [...new Set([...flying, ...this.#silent()])].filter((other) => domains[other] === domain);
    if (limit !== undefined && there.length + 1 > limit)
      this.#break(
        'per domain',
        `${host} starts while ${there.join(' ')} of ${domain} are in flight or down; allowed: ${limit}`,
      );
    const failed = this.#badHosts();
    if (failed.length > maxFailures)
      this.#break('budget', `${host} starts after ${failed.join(' ')} ended badly; allowed: ${maxFailures}`);
    const failedCanaries = failed.filter((name) => canaries.includes(name));
    if (failedCanaries.length > maxCanaryFailures)
      this.#break(
        'budget',
        `${host} starts after the canaries ${failedCanaries.join(' ')} ended badly; allowed: ${maxCanaryFailures}`,
      );
    const early = canaries.filter((canary) =>
      ['waiting', 'working', 'cut-off'].includes(this.#hosts.get(canary) ?? ''),
    );
    if (!canaries.includes(host) && early.length > 0)
      this.#break('canaries first', `${host} starts before ${early.join(' ')} ended`);
    if (this.#lastStart !== null && now - this.#lastStart < pause)
      this.#break('pause', `${host} starts ${now - this.#lastStart} ms after another; expected: ${pause}`);
    if (!isOpen(this.#windows, wall)) this.#break('windows', `${host} starts at ${new Date(wall).toISOString()}`);
    if (this.#stopped) this.#break('stop', `${host} starts after somebody asked to stop`);
  }

  /** Nobody is passed over for a reason that is none. */
  #judgeSkip(host: string, code: string): void {
    const { perDomain, domains } = this.#rollout;
    const down = new Set([...this.#holding, ...this.#silent()]);
    const full = Object.entries(perDomain).some(
      ([domain, limit]) => [...down].filter((name) => domains[name] === domain).length >= limit,
    );
    const reasons: Readonly<Record<string, boolean>> = {
      interrupted: this.#stopped,
      'rollout.halted': this.#isSpent(),
      'rollout.no-slot': full || this.#holding.size >= this.#width(),
    };
    if (reasons[code] !== true) this.#break('skipped for a reason', `${host} is skipped with ${code}, which is not so`);
  }

  /** Hosts that did not answer: they are down, as far as anybody knows, and count in their racks. */
  #silent(): readonly string[] {
    if (this.#rollout.countsSilent !== true) return [];
    return [...this.#hosts].filter(([, at]) => at === 'unreachable').map(([name]) => name);
  }

  #badHosts(): readonly string[] {
    const { canaries } = this.#rollout;
    return [...this.#hosts]
      .filter(([name, at]) => {
        const as = this.#was.get(name) ?? at;
        return bad.has(as) || this.#halfDone.has(name) || (as === 'refused' && canaries.includes(name));
      })
      .map(([name]) => name);
  }

  #isSpent(): boolean {
    const { maxFailures, maxCanaryFailures, canaries } = this.#rollout;
    const failed = this.#badHosts();
    return failed.length > maxFailures || failed.filter((name) => canaries.includes(name)).length > maxCanaryFailures;
  }

  #end(host: string, state: HostState, holdsSlot: boolean): void {
    const before = this.#hosts.get(host);
    const may = state === 'skipped' ? ['waiting', 'working', 'cut-off'] : ['working'];
    if (before === undefined || !may.includes(before))
      this.#break('one end', `${host} ends as ${state} when it is ${before}`);
    this.#hosts.set(host, state);
    if (state === 'lost' && !holdsSlot) this.#break('lost keeps its slot', `${host} is lost and gives its slot away`);
    if (holdsSlot || state === 'lost') this.#holding.add(host);
  }

  #width(): number {
    const { batches, parallel } = this.#rollout;
    const well = [...this.#hosts.values()].filter((at) => at === 'ok').length;
    let needed = 0;
    for (const size of batches) {
      needed += size;
      if (well < needed) return Math.min(size, parallel);
    }
    return Math.min(batches.at(-1) ?? parallel, parallel);
  }

  #break(rule: string, text: string): void {
    this.violations.push({ rule, text });
  }
}

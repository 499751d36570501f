import type { Verdict } from '../checks/check.ts';
import type { Command, HookName, Stamped } from '../events/event.ts';
import { type HostSummary, newHost, type Summary, totalsOf } from './summary.ts';
import { emptyTally, nextPart, type Tally, tally } from './tally.ts';

/** A fold under way: takes events one by one, as a subscriber does. */
export interface Folding {
  take(event: Stamped): void;
  /** What the events so far tell. */
  summary(): Summary;
}

type RunEvent = 'run-started' | 'run-resumed' | 'run-ended' | 'halted' | 'held' | 'warning';
type HostEvent = Exclude<Stamped, { readonly type: RunEvent }>;

/** What a sequence of events tells. Pure. */
export function fold(events: Iterable<Stamped>): Summary {
  const folding = startFold();
  for (const event of events) folding.take(event);
  return folding.summary();
}

/** Begins a fold. The summaries that it gives do not change afterwards. */
export function startFold(): Folding {
  const hosts = new Map<string, HostSummary>();
  const tallies = new Map<string, Tally>();
  const warnings: string[] = [];
  let run: Pick<Summary, 'run' | 'command' | 'dryRun' | 'playbook' | 'startedAt' | 'rollout'> = {
    run: null,
    command: null,
    dryRun: false,
    playbook: null,
    startedAt: null,
    rollout: null,
  };
  let end: Pick<Summary, 'endedAt' | 'interrupted'> = { endedAt: null, interrupted: false };
  let halted: string | null = null;
  let latest: string | null = null;

  const known = (name: string): HostSummary => hosts.get(name) ?? newHost(name, null);
  const warn = (name: string | null, text: string): void => {
    if (name === null) return void warnings.push(text);
    const host = known(name);
    hosts.set(name, { ...host, warnings: [...host.warnings, text] });
  };
  const take = (event: Stamped): void => {
    latest = event.at;
    if (event.type === 'run-started') {
      const { command, playbook, dryRun = false, rollout = null } = event;
      run = { run: event.run, command, dryRun, playbook, startedAt: event.at, rollout };
      for (const { name, rack } of event.hosts) hosts.set(name, newHost(name, rack));
    } else if (event.type === 'run-resumed') {
      end = { endedAt: null, interrupted: false };
      halted = null;
      for (const name of event.left) {
        hosts.set(name, { ...known(name), state: null, failure: null, endedAt: null, rebootDue: null });
        tallies.set(name, nextPart(tallies.get(name) ?? emptyTally));
      }
    } else if (event.type === 'run-ended') {
      end = { endedAt: event.at, interrupted: event.interrupted };
    } else if (event.type === 'halted') {
      halted ??= event.why;
    } else if (event.type === 'held') {
      // It is of no interest once the window is open.
    } else if (event.type === 'warning') {
      warn(event.host, event.text);
    } else {
      const counted = tally(tallies.get(event.host) ?? emptyTally, event);
      tallies.set(event.host, counted);
      const { writes, reboots } = counted;
      hosts.set(event.host, { ...step(known(event.host), event, run.command), writes, reboots });
    }
  };
  const summary = (): Summary => {
    const all = [...hosts.values()];
    const duration = span(run.startedAt, end.endedAt ?? latest);
    return { ...run, ...end, halted, duration, hosts: all, totals: totalsOf(all), warnings: [...warnings] };
  };
  return { take, summary };
}

function step(host: HostSummary, event: HostEvent, command: Command | null): HostSummary {
  switch (event.type) {
    case 'host-started':
      return { ...host, startedAt: host.startedAt ?? event.at };
    case 'phase':
      return entered(host, event);
    case 'facts-read':
      return command === 'facts' ? { ...host, facts: event.facts } : host;
    case 'leftovers':
      return { ...host, leftovers: event.leftovers };
    case 'backups':
      return { ...host, backups: event.backups, oldBackups: event.old };
    case 'planned':
      return { ...host, plan: event.plan, gates: event.plan.gates.reduce(withVerdict, host.gates) };
    case 'written':
      return { ...host, written: [...host.written, ...event.changes] };
    case 'effect-done':
      return { ...host, settled: [...host.settled, event.effect] };
    case 'verdict':
      return event.phase === 'gate'
        ? { ...host, gates: withVerdict(host.gates, event.verdict) }
        : { ...host, checks: withVerdict(host.checks, event.verdict) };
    case 'host-ended':
      return ended(host, event);
    case 'hook-intent':
      // That it is drained stands on the host by now, however the hook ends.
      return event.hook === 'drain' ? { ...host, drained: true } : host;
    case 'hook-done':
      return hookDone(host, event.hook);
    case 'write-intent':
    case 'effect-intent':
    case 'rebooted':
    case 'progress':
      return host;
  }
}

function entered(host: HostSummary, { phase, at }: Extract<HostEvent, { readonly type: 'phase' }>): HostSummary {
  return host.phases.at(-1)?.phase === phase ? host : { ...host, phases: [...host.phases, { phase, at }] };
}

function hookDone(host: HostSummary, hook: HookName): HostSummary {
  if (hook === 'undrain') return { ...host, drained: false };
  return hook === 'power' ? { ...host, powerCycled: true } : host;
}

function ended(host: HostSummary, event: Extract<HostEvent, { readonly type: 'host-ended' }>): HostSummary {
  return {
    ...host,
    state: event.state,
    failure: event.failure ?? null,
    endedAt: event.at,
    rebootDue: event.rebootDue ?? null,
    // Who could not even log in again knows nothing of what an earlier part of the run has drained.
    drained: event.drained ?? (event.state === 'ok' ? false : host.drained),
    powerCycled: host.powerCycled || event.powerCycled === true,
  };
}

// One check may be asked about several things, told apart by the title.
function withVerdict(verdicts: readonly Verdict[], verdict: Verdict): readonly Verdict[] {
  const at = verdicts.findIndex(({ check, title }) => check === verdict.check && title === verdict.title);
  return at === -1 ? [...verdicts, verdict] : verdicts.with(at, verdict);
}

function span(from: string | null, to: string | null): number {
  if (from === null || to === null) return 0;
  return Math.max(0, Date.parse(to) - Date.parse(from));
}

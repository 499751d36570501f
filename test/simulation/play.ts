import type { Stamped } from '../../src/events/event.ts';
import type { HostEnd } from '../../src/host/run.ts';
import { atOnce } from '../../src/rollout/policy.ts';
import { control, type Kill, type Part } from './controller.ts';
import type { Fault, FaultKind, FaultOf, HostFault } from './fault.ts';
import { bootedArguments } from './grub.ts';
import { judgeBoots } from './judge.ts';
import { Machine } from './machine.ts';
import { MemoryJournal } from './memory-journal.ts';
import { Outages } from './outages.ts';
import { Rules, type Violation } from './rules.ts';
import type { Scenario } from './scenario.ts';
import { Stuck, startVirtualTime, type VirtualTime } from './virtual-time.ts';
import { type AtWork, Watch } from './watch.ts';
import { playbookOf } from './wish.ts';

/** What came of a scenario. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** How each host ended in the first rollout, resumed ones included. */
  readonly ends: ReadonlyMap<string, string>;
  /** Faults that showed themselves, once for each host. */
  readonly seen: readonly FaultKind[];
  /** Runs of hosts that the program made, in all. */
  readonly hostRuns: number;
  readonly boots: number;
  /** Codes of the failures with which hosts ended. */
  readonly codes: readonly string[];
  /** Each host after the first rollout: how it ended, what it runs and will boot, and whether it is in service. */
  readonly left: ReadonlyMap<string, string>;
  /** Lines of the journal of the first rollout. */
  readonly lines: number;
}

/** A world with its hosts while a scenario is played. */
export interface World {
  readonly scenario: Scenario;
  readonly time: VirtualTime;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly violations: Violation[];
  readonly fleetSeen: FaultKind[];
  hostRuns: number;
  /** Codes of the failures with which hosts ended in the first rollout. */
  readonly codes: string[];
  readonly left: Map<string, string>;
  lines: number;
  /** Names of controllers that have ended, or died. */
  readonly gone: Set<string>;
  /** The run that was last at work on each host, until its end there. */
  readonly atWork: Map<string, AtWork>;
  /** By run and host: the generation that it was asked to end, and by which part of the run. */
  readonly rebooting: Map<string, Map<string, { readonly generation: number; readonly watch: Watch }>>;
  /** What the rollout that is judged has taken out of service. */
  readonly outages: Outages;
}

/** Plays a scenario in a time of its own, and judges it. */
export async function play(scenario: Scenario): Promise<Outcome> {
  const time = startVirtualTime();
  const world = worldOf(scenario, time);
  const rules = new Rules(
    scenario.hosts.map(({ name }) => name),
    scenario.rollout,
  );
  try {
    await time.run(() => playAll(world, rules));
  } catch (thrown) {
    if (!(thrown instanceof Stuck)) throw thrown;
    world.violations.push({ rule: 'an end', text: thrown.message });
  }
  const machines = [...world.machines.values()];
  return {
    violations: [...rules.violations, ...world.violations],
    ends: rules.states,
    seen: [...machines.flatMap((machine) => [...machine.seen] as FaultKind[]), ...world.fleetSeen],
    hostRuns: world.hostRuns,
    ...{ codes: world.codes, left: world.left, lines: world.lines },
    boots: machines.reduce((sum, machine) => sum + machine.boots.length, 0),
  };
}

function worldOf(scenario: Scenario, time: VirtualTime): World {
  const machines = scenario.hosts.map(({ name }): [string, Machine] => [
    name,
    new Machine(
      name,
      time,
      scenario.faults.filter((fault): fault is HostFault => 'host' in fault && fault.host === name),
    ),
  ]);
  const fleet = new Map(machines);
  const world: World = {
    ...{ scenario, time, machines: fleet, outages: new Outages(fleet, 'run-first', scenario.rollout) },
    ...{ violations: [], fleetSeen: [], hostRuns: 0, codes: [], left: new Map<string, string>(), lines: 0 },
    ...{ gone: new Set<string>(), atWork: new Map(), rebooting: new Map() },
  };
  for (const jump of faultsOf(scenario, 'wall-jump'))
    time.after(jump.at, () => {
      world.fleetSeen.push('wall-jump');
      time.wallOffset += jump.by;
    });
  return world;
}

/** Faults of one kind, in their order. */
function faultsOf<Kind extends FaultKind>({ faults }: Scenario, kind: Kind): readonly FaultOf<Kind>[] {
  return faults.filter((fault: Fault): fault is FaultOf<Kind> => fault.kind === kind);
}

async function playAll(world: World, rules: Rules): Promise<void> {
  const { scenario, time } = world;
  const others = faultsOf(scenario, 'second-operator').map(async (fault) => {
    await time.sleep(fault.at);
    world.fleetSeen.push('second-operator');
    const part = partOf(world, { name: 'run-second', run: 'run-second' }, new MemoryJournal(time));
    await control({ ...part, ...(fault.knows && { gone: world.gone }) });
  });
  await playFirst(world, rules);
  await Promise.all(others);
  judgeBoots(world);
  if (scenario.again) await playAgain(world, rules);
}

/** The rollout that is judged, resumed as often as its controller dies. */
async function playFirst(world: World, rules: Rules): Promise<void> {
  const { scenario, time } = world;
  const kills: Kill[] = [...faultsOf(scenario, 'kill'), ...faultsOf(scenario, 'kill-at-line')];
  const [stop] = faultsOf(scenario, 'stop');
  if (stop !== undefined)
    time.after(stop.at, () => {
      world.fleetSeen.push('stop');
      rules.stop();
    });
  let journal = new MemoryJournal(time);
  for (let count = 1; ; count += 1) {
    const part = partOf(world, { name: `run-first-${count}`, run: 'run-first' }, journal, rules);
    const resumes = journal.events.length > 0;
    const ended = await control({ ...part, gone: world.gone, count, resumes, kill: kills.shift(), stop });
    world.lines = journal.lines.length;
    if (ended === 'ended') break;
    world.fleetSeen.push(scenario.faults.some(({ kind }) => kind === 'kill') ? 'kill' : 'kill-at-line');
    for (const machine of world.machines.values()) machine.fallWithController();
    rules.cutOff(journal.events);
    journal = journal.continued();
    await time.sleep(10_000);
  }
  rules.over();
  for (const [name, { arguments: running, files, drainedBy }] of world.machines) {
    const next = bootedArguments(files.get('/boot/grub/grub.cfg')?.text ?? '');
    const service = drainedBy === null ? 'in service' : 'drained';
    world.left.set(name, `${rules.states.get(name)}, ${service}, runs ${running}, will boot ${next}`);
  }
}

/** Everything is mended; another run then has nothing to do where all was well, and brings the others to a good end. */
async function playAgain(world: World, before: Rules): Promise<void> {
  const { scenario, time, machines } = world;
  await time.sleep(3_600_000);
  for (const machine of machines.values()) machine.heal();
  await time.sleep(3_600_000);
  const boots = new Map([...machines].map(([name, machine]) => [name, machine.boots.length]));
  const part = partOf(world, { name: 'run-again', run: 'run-again' }, new MemoryJournal(time));
  const ends = new Map<string, HostEnd>();
  const rollout = { ...scenario.rollout, ...everything };
  await control({
    ...part,
    rollout,
    onEnd: (host, end) => {
      part.onEnd(host, end);
      ends.set(host, end);
    },
  });
  const tell = (rule: string, text: string): void => {
    world.violations.push({ rule, text });
  };
  for (const [name, machine] of machines) {
    const end = ends.get(name);
    const well = before.states.get(name) === 'ok';
    if (end?.state !== 'ok') tell('mended hosts end well', `${name} ends as ${end?.state}: ${end?.failure?.message}`);
    else if (well && end.writes + end.reboots > 0)
      tell('convergence', `${name} was ok, and a second run makes ${end.writes} writes and ${end.reboots} reboots`);
    if (well && machine.boots.length !== boots.get(name)) tell('convergence', `${name} was ok, and boots again`);
  }
}

const { parallel } = atOnce(40);
const everything = {
  ...{ canaries: [], batches: [], parallel, perDomain: {}, domains: {}, maxFailures: 1_000, maxCanaryFailures: 1_000 },
  ...{ pause: 0, windows: [], soak: 0, maxConnecting: null, maxApplying: null, maxRebooting: null },
};

/** A part of a run, with all that is watched while it lasts. `rules`: it is the one that is judged by its policy. */
function partOf(
  world: World,
  names: { readonly name: string; readonly run: string },
  journal: MemoryJournal,
  rules?: Rules,
): Part {
  const { scenario, time, machines } = world;
  const { name, run } = names;
  const watch = new Watch(world, name, run, journal, rules !== undefined);
  return {
    ...{ name, run, count: 1, time, machines, journal },
    ...{ hosts: scenario.hosts, rollout: scenario.rollout, deadline: scenario.deadline, hooks: scenario.hooks },
    playbook: playbookOf(scenario.wish),
    resumes: false,
    kill: undefined,
    stop: undefined,
    gone: new Set(),
    witness: watch,
    onEvent: (event: Stamped) => {
      watch.event(event);
      rules?.take(event, time.now, time.wall);
    },
    onEnd: (host, end) => {
      world.hostRuns += 1;
      if (rules !== undefined && end.failure !== undefined) world.codes.push(end.failure.code);
      watch.ended(host, end);
    },
    onOver: () => {
      watch.over();
      world.gone.add(name);
    },
  };
}

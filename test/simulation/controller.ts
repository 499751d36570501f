import { setMaxListeners } from 'node:events';
import { pacingOf } from '../../src/cli/aids.ts';
import { createBus } from '../../src/events/bus.ts';
import type { Stamped } from '../../src/events/event.ts';
import { journalOn } from '../../src/events/journal.ts';
import type { Hook, Hooks } from '../../src/hooks/hook.ts';
import type { HostContext } from '../../src/host/context.ts';
import { inTurn, type Limits } from '../../src/host/limits.ts';
import { defaultRebootPolicy } from '../../src/host/reboot.ts';
import { type HostEnd, runHost } from '../../src/host/run.ts';
import type { InventoryHost } from '../../src/inventory/host.ts';
import type { Playbook } from '../../src/playbook/define.ts';
import { spentBudget } from '../../src/rollout/budget.ts';
import { drive } from '../../src/rollout/drive.ts';
import {
  begunIn,
  drainedIn,
  leftOf,
  lookAgain,
  lookedAt,
  lostIn,
  rebootAskedIn,
  resumeState,
} from '../../src/rollout/resume-state.ts';
import { policyOf, type Rollout } from '../../src/rollout/rollout.ts';
import type { RolloutState } from '../../src/rollout/state.ts';
import { createShell } from '../../src/shell/remote-shell.ts';
import type { Connection } from '../../src/transport/transport.ts';
import type { FaultOf, HookName } from './fault.ts';
import { beginHook, endHook, hookCommand } from './hook-answer.ts';
import type { Machine } from './machine.ts';
import type { MemoryJournal } from './memory-journal.ts';
import { randomOf } from './random.ts';
import type { HooksWish } from './scenario.ts';
import { connectTo, type Witness } from './simulated-link.ts';
import type { VirtualTime } from './virtual-time.ts';

/** When a controller dies. */
export type Kill = FaultOf<'kill' | 'kill-at-line'>;

/** One controller's part of a run: from its start, or from being resumed, to its end or its death. */
export interface Part {
  /** For people: which part of which run. */
  readonly name: string;
  readonly run: string;
  /** 1 for the first part. */
  readonly count: number;
  readonly time: VirtualTime;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly hosts: readonly { readonly name: string; readonly rack: string | null }[];
  readonly rollout: Rollout;
  readonly playbook: Playbook;
  readonly deadline: number;
  readonly journal: MemoryJournal;
  /** It goes on with what its journal holds. */
  readonly resumes: boolean;
  readonly kill: Kill | undefined;
  readonly hooks: HooksWish | null;
  /** Names of controllers that have ended or died, as far as this one can know. */
  readonly gone: ReadonlySet<string>;
  readonly stop: FaultOf<'stop'> | undefined;
  readonly witness: Witness;
  /** Is told every event when it happens. */
  onEvent(event: Stamped): void;
  /** Is told how a host's run has ended, before anybody else hears of it. */
  onEnd(host: string, end: HostEnd): void;
  /** Is told when nothing of it goes on any more. */
  onOver(): void;
}

/** Runs the shipped program over the hosts. `killed`: its machine died. */
export async function control(part: Part): Promise<'ended' | 'killed'> {
  const { time, journal } = part;
  const life = new AbortController();
  setMaxListeners(0, life.signal);
  const killed = new Promise<'killed'>((resolve) => life.signal.addEventListener('abort', () => resolve('killed')));
  const bus = createBus({ now: () => new Date(time.wall), journal: journalOn(journal, part.name) });
  let events = 0;
  bus.subscribe((event) => {
    if (life.signal.aborted) return;
    part.onEvent(event);
    events += 1;
    if (kill?.kind === 'kill' && events === kill.event) time.after(kill.after, () => die(kill.torn));
  });
  const { kill } = part;
  const die = (share: number): void => {
    journal.crash(share);
    life.abort();
    part.onOver();
  };
  if (kill?.kind === 'kill-at-line') journal.onLine = (count) => count === kill.line && die(1);
  return Promise.race([rollOut(part, bus, life.signal), killed]);
}

/** Nothing of a dead controller goes on. */
async function alive<Value>(work: Promise<Value>, dead: AbortSignal): Promise<Value> {
  const value = await work;
  if (dead.aborted) await new Promise(() => {});
  return value;
}

async function rollOut(part: Part, bus: ReturnType<typeof createBus>, dead: AbortSignal): Promise<'ended'> {
  const { time, hosts, rollout } = part;
  const stop = new AbortController();
  const abandon = new AbortController();
  setMaxListeners(0, stop.signal, abandon.signal);
  arrangeStop(part, stop, abandon);
  const earlier = part.journal.events;
  const from = part.resumes ? whereItStands(earlier, rollout) : undefined;
  const [started, rebooting] = [startedIn(earlier), rebootAskedIn(earlier)];
  const [begun, lost, drained] = [begunIn(earlier), lostIn(earlier), drainedIn(earlier)];
  const clock = {
    now: () => time.now,
    sleep: (milliseconds: number, signal?: AbortSignal) => alive(time.sleep(milliseconds, signal), dead),
  };
  const pacing = pacingOf(rollout);
  const contexts = new Map(
    hosts.map((host): [string, HostContext] => [
      host.name,
      {
        host: inventoryHost(host),
        vars: {},
        playbook: part.playbook,
        mode: 'apply',
        run: part.run,
        part: part.count,
        underWay: started.has(host.name),
        rebootAsked: rebooting.get(host.name),
        begunEarlier: begun.has(host.name),
        lostEarlier: lost.has(host.name),
        drainedEarlier: drained.has(host.name),
        shell: shellTo(part, host.name, pacing.limits, dead),
        bus,
        clock,
        reboot: { ...defaultRebootPolicy, deadline: part.deadline },
        holder: { who: 'operator@controller', process: part.name, isGone: (process) => part.gone.has(process) },
        ...pacing,
        ...(part.hooks !== null && { hooks: hooksOf(part, part.hooks, host.name, dead) }),
        guestsAllowed: false,
        rebootAgain: false,
        stop: stop.signal,
        abandon: abandon.signal,
      },
    ]),
  );
  if (from === undefined)
    await bus.intend({
      type: 'run-started',
      run: part.run,
      command: 'apply',
      playbook: 'simulated',
      hosts: [...hosts],
    });
  else
    await bus.intend({
      type: 'run-resumed',
      run: part.run,
      command: 'apply',
      part: part.count,
      left: [...leftOf(from)],
      looked: [...lookedAt(from)],
    });
  await drive({
    hosts: hosts.map((host) => host.name),
    from,
    policy: policyOf(rollout),
    runner: {
      start: async (host) => {
        const context = contexts.get(host);
        if (context === undefined) throw new Error(`no such host: ${host}`);
        const end = await alive(runHost(context), dead);
        part.onEnd(host, end);
        return end;
      },
    },
    bus,
    clock,
    wall: () => time.wall,
    stop: stop.signal,
  });
  bus.emit({ type: 'run-ended', interrupted: stop.signal.aborted });
  await bus.close();
  part.onOver();
  return 'ended';
}

/** As `vfleet resume` begins: it looks for lost hosts where anything else is left, and the budget is not spent. */
function whereItStands(earlier: readonly Stamped[], rollout: Rollout): RolloutState {
  const before = resumeState(earlier);
  const looks = leftOf(before).length > 0 && spentBudget(before, policyOf(rollout)) === null;
  return looks ? lookAgain(before) : before;
}

/** Hooks of a host: commands that it runs itself, or functions that talk to something else than the host. */
function hooksOf(part: Part, wish: HooksWish, host: string, dead: AbortSignal): Hooks {
  const { machines, time, run, witness } = part;
  const { takes, timeout } = wish;
  const machine = machines.get(host);
  if (machine === undefined) throw new Error(`no machine for ${host}`);
  const call = async (hook: HookName, signal: AbortSignal): Promise<void> => {
    witness.changes(machine, { kind: 'hook', nonce: '', body: hookCommand(hook, run, takes) });
    const outcome = beginHook(machine, hook, run);
    await alive(time.sleep(outcome === 'hangs' ? 7 * 24 * 3_600_000 : takes, signal), dead);
    if (signal.aborted) throw new Error('given up');
    if (outcome === 'fails') throw new Error('the cloud says no');
    endHook(machine, hook);
  };
  const hookOf = (hook: HookName): Hook => ({
    timeout,
    work:
      wish.where === 'host'
        ? { kind: 'command', where: 'host', text: hookCommand(hook, run, takes) }
        : { kind: 'function', call: ({ signal }) => call(hook, signal) },
  });
  return { drain: hookOf('drain'), ...(wish.undrain && { undrain: hookOf('undrain') }) };
}

function startedIn(events: readonly Stamped[]): ReadonlySet<string> {
  return new Set(events.flatMap((event) => (event.type === 'host-started' ? [event.host] : [])));
}

function arrangeStop({ stop: fault, time }: Part, stop: AbortController, abandon: AbortController): void {
  if (fault === undefined) return;
  time.after(fault.at, () => stop.abort());
  if (fault.abandonAfter !== null) time.after(fault.at + fault.abandonAfter, () => abandon.abort());
}

/** The shipped shell over a link whose other end is a model. */
function shellTo(part: Part, host: string, limits: Limits | undefined, dead: AbortSignal): HostContext['shell'] {
  const { machines, witness, name } = part;
  const machine = machines.get(host);
  if (machine === undefined) throw new Error(`no machine for ${host}`);
  const random = randomOf(`${name}/${host}/nonces`);
  const logIn = async (signal: AbortSignal): Promise<Connection> => {
    const connection = await alive(connectTo(machine, witness, signal), dead);
    dead.addEventListener('abort', () => void connection.close(), { once: true });
    return connection;
  };
  return createShell({
    host,
    connect: inTurn(host, limits?.connecting, logIn, () => {}),
    elevate: 'root',
    elevatePassword: null,
    randomness: (bytes) => Buffer.from(Array.from({ length: bytes }, () => random.whole(0, 255))),
  });
}

function inventoryHost({ name, rack }: { readonly name: string; readonly rack: string | null }): InventoryHost {
  const ssh = { address: name, port: 22, user: 'root', keyFile: null, password: null, jump: null };
  return {
    ...{ name, rack, groups: ['all'], vars: {}, origins: {} },
    ssh: { ...ssh, elevate: 'root', elevatePassword: null, knownHosts: null },
  };
}

import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { VfleetError } from '../errors.ts';
import { type Command, failedCommand, processCommand } from './command.ts';
import type { Faults } from './faults.ts';
import { type KeyPair, makeKeyPair } from './keys.ts';
import { type PowerWish, watchPower } from './power.ts';
import { queue } from './queue.ts';
import { type Bootable, bootMachine, type RunningMachine } from './running-machine.ts';
import { loginEnvironment } from './sandbox.ts';
import { type Snapshot, type SnapshotOptions, takeSnapshot } from './snapshot.ts';
import { type Account, type Counters, SshServer } from './ssh-server.ts';
import { type Exchange, tap } from './tap.ts';

/** `stopping`: connections and processes are being ended. `dead`: it did not come up. */
export type NodeState = 'off' | 'booting' | 'up' | 'stopping' | 'dead';

/** What a node is made of. */
export interface NodeParts extends Bootable {
  readonly name: string;
  readonly rack: string;
  readonly port: number;
  readonly account: Omit<Account, 'start'>;
  readonly faults: Faults;
  /** Milliseconds that the next reboot takes. */
  readonly bootTime: () => number;
}

const neverOn = 'it was never turned on';

/** Milliseconds between the wish to reboot and the end of the connections. */
const shutdownTime = 30;

/** A simulated machine: power, an SSH server, processes in a file tree, and faults. */
export class LabNode {
  readonly name: string;
  readonly rack: string;
  readonly kind: Bootable['kind'];
  readonly port: number;
  /** The node's file tree, as a path of this machine. While its disk is full, `view` has what the node sees. */
  readonly root: string;
  readonly #parts: NodeParts;
  readonly #server: SshServer;
  readonly #power = { reboots: 0, powerCuts: 0 };
  readonly #waiting = new Set<() => void>();
  readonly #listeners = new Set<(exchange: Exchange) => void>();
  #state: NodeState = 'off';
  #reason = neverOn;
  #stopped = false;
  #hostKey: KeyPair;
  #faults: Faults;
  #machine: RunningMachine | null = null;
  #unwatch = () => {};
  /** Things that change the power or the disk happen one after the other. */
  readonly #inTurn = queue();
  /** Counts losses of power: a boot that finds another count than it began with gives up. */
  #life = 0;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.rack = parts.rack;
    this.kind = parts.kind;
    this.port = parts.port;
    this.root = path.join(parts.folder, 'root');
    this.#hostKey = makeKeyPair(parts.name);
    this.#faults = parts.faults;
    this.#server = new SshServer(parts.port, {
      ...parts.account,
      start: (command, connection) => this.#start(command, connection),
    });
    this.#server.setFaults(parts.faults);
  }

  get state(): NodeState {
    return this.#state;
  }

  get hostKey(): KeyPair {
    return this.#hostKey;
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** Connections, log-ins, commands and bytes at the SSH server, reboots that its tools asked for, power cuts. */
  get counters(): Readonly<Counters & { reboots: number; powerCuts: number }> {
    return { ...this.#server.counters, ...this.#power };
  }

  /** The tree as the node's processes see it, mounts included. */
  get view(): string {
    return this.#machine?.cell.view ?? this.root;
  }

  /** Turns the machine on; resolves when it is up or dead. Does nothing when it is up. */
  async powerOn(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#state !== 'up') await this.#boot(this.#life, this.#reason !== neverOn);
    });
  }

  /**
   * Takes the power away, whatever is going on, and gives it back. Resolves when the machine has lost it; `until('up')`
   * waits for its return. `silently`: clients are not told that their connections ended, as by a real one.
   */
  async powerCut(options: { readonly silently?: boolean; readonly stayOff?: boolean } = {}): Promise<void> {
    this.#power.powerCuts += 1;
    await this.#losePower(options.silently ?? false);
    if (!options.stayOff) this.#inBackground(this.powerOn());
  }

  /** Breaks every connection; the machine runs on. */
  dropConnections(): void {
    this.#server.dropConnections();
  }

  /**
   * Replaces what is wrong with the node, from now on. A fault of boots shows at the next one.
   * Errors: `lab.fault-needs-mounts`, `lab.fault-folder`, `lab.mount`.
   */
  async setFaults(faults: Faults): Promise<void> {
    await this.#inTurn(async () => {
      await this.#machine?.setDisk(faults);
      this.#faults = faults;
      this.#server.setFaults(faults);
    });
  }

  /** Resolves when the node is in that state. Errors: `lab.dead` when it died, `lab.stopped`. */
  async until(state: NodeState): Promise<void> {
    while (this.#state !== state) {
      if (this.#state === 'dead') throw this.#error('lab.dead', `dead: ${this.#reason}`, state);
      if (this.#stopped) throw this.#error('lab.stopped', 'the lab is stopped', state);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Every file of the node, as the node sees it. */
  async snapshot(options: SnapshotOptions = {}): Promise<Snapshot> {
    return takeSnapshot(this.view, options);
  }

  /** Ends everything of the node for good. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#losePower(false);
  }

  /** Kills its processes without waiting, when the lab's own process ends. */
  killNow(): void {
    this.#machine?.killNow();
  }

  /** Calls a listener after each command with all that went through. Returns what ends that. */
  listen(listener: (exchange: Exchange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #start(command: string, connection: string): Command {
    const started = this.#spawn(command, connection);
    if (this.#listeners.size === 0) return started;
    return tap(command, started, (exchange) => {
      for (const listener of this.#listeners) listener(exchange);
    });
  }

  #spawn(command: string, connection: string): Command {
    if (this.#machine === null) return failedCommand('the machine is going down');
    const { cell } = this.#machine;
    try {
      return processCommand(cell.spawn(command, loginEnvironment(connection)), cell);
    } catch (error) {
      return failedCommand(error instanceof Error ? error.message : String(error));
    }
  }

  async #losePower(silently: boolean): Promise<void> {
    this.#life += 1;
    this.#setState('stopping', 'it lost its power');
    this.#server.close(silently);
    this.#machine?.killNow();
    await this.#inTurn(() => this.#shutDown(silently));
  }

  /** What a tool on the node asked for. */
  async #obey(wish: PowerWish): Promise<void> {
    const life = this.#life;
    await delay(shutdownTime);
    await this.#inTurn(async () => {
      if (life !== this.#life) return;
      await this.#shutDown(false);
      if (wish === 'poweroff') return;
      this.#power.reboots += 1;
      await this.#boot(life, true);
    });
  }

  async #boot(life: number, again: boolean): Promise<void> {
    if (this.#stopped) return;
    this.#setState('booting', 'it is booting');
    if (again) await delay(this.#parts.bootTime());
    if (life !== this.#life) return;
    if (again && this.#faults.neverReturns) {
      this.#setState('dead', 'fault neverReturns');
      return;
    }
    const machine = await bootMachine(this.#parts, this.#faults, again && (this.#faults.bootsOldEntry ?? false));
    if ('reason' in machine) {
      this.#setState('dead', machine.reason);
      return;
    }
    this.#machine = machine;
    await machine.ready;
    // Without power since: what follows in the queue shuts it down.
    if (life !== this.#life) return;
    if (again && this.#faults.changeHostKey) this.#hostKey = makeKeyPair(this.name);
    this.#unwatch = watchPower(this.root, (wish) => this.#inBackground(this.#obey(wish)));
    await this.#server.listen(this.#hostKey);
    this.#setState('up', 'it is up');
  }

  async #shutDown(silently: boolean): Promise<void> {
    this.#setState('stopping', 'it is going down');
    this.#unwatch();
    this.#server.close(silently);
    const machine = this.#machine;
    this.#machine = null;
    await machine?.kill();
    this.#setState('off', 'it was turned off');
  }

  /** Nobody waits for it: a failure is the machine's death. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#setState('dead', error instanceof Error ? error.message : String(error)));
  }

  #setState(state: NodeState, reason: string): void {
    this.#state = state;
    this.#reason = reason;
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }

  #error(code: string, found: string, expected: string): VfleetError {
    return new VfleetError({ code, host: this.name, thing: 'lab node', expected, found });
  }
}

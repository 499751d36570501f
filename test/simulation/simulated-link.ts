import { VfleetError } from '../../src/errors.ts';
import { parseStart } from '../../src/shell/start.ts';
import type { Channel, Connection, Ending } from '../../src/transport/transport.ts';
import type { FaultOf } from './fault.ts';
import { settingsPath } from './grub.ts';
import type { Machine } from './machine.ts';
import { type Arrived, type Done, perform, recognise } from './scripts.ts';

/** What becomes known of scripts on their way: for invariants. */
export interface Witness {
  /** Somebody begins to log in; gives what says that this is over. */
  connects(machine: Machine): () => void;
  /** Somebody has logged in. */
  loggedIn(machine: Machine): void;
  /** A script has arrived; gives what says that nobody waits for it any more. */
  arrives(machine: Machine, script: Arrived): () => void;
  /** A script that changes the host begins to do so. */
  changes(machine: Machine, script: Arrived): void;
}

/** Logs in to a simulated host. Errors: `ssh.unreachable`, `interrupted`. */
export async function connectTo(machine: Machine, witness: Witness, signal: AbortSignal): Promise<Connection> {
  const { time } = machine;
  const over = witness.connects(machine);
  await time.sleep(machine.answers ? 80 : 3_000, signal);
  over();
  if (signal.aborted) throw failure('interrupted', machine, 'that the log-in was given up');
  if (!machine.answers) throw failure('ssh.unreachable', machine, 'no answer');
  witness.loggedIn(machine);
  return new SimulatedConnection(machine, witness);
}

class SimulatedConnection implements Connection {
  readonly closed: Promise<string>;
  readonly #machine: Machine;
  readonly #witness: Witness;
  #tell: (reason: string) => void = () => {};
  #lost: string | null = null;
  readonly #channels = new Set<SimulatedChannel>();
  readonly #unlisten: () => void;

  constructor(machine: Machine, witness: Witness) {
    this.#machine = machine;
    this.#witness = witness;
    this.closed = new Promise((resolve) => {
      this.#tell = resolve;
    });
    // A host that loses its power says no good-bye: it is missed when keep-alives are not answered.
    this.#unlisten = machine.onDown((cause) => {
      const missed = cause === 'power-cut' ? 15_000 : 300;
      machine.time.after(missed, () => this.lose('keep-alives are not answered'));
    });
  }

  async open(command: string): Promise<Channel> {
    const { time } = this.#machine;
    await time.sleep(5);
    if (this.#lost !== null) throw failure('ssh.lost', this.#machine, this.#lost);
    const start = parseStart(command);
    if (start === null) throw new Error(`the model does not know the command ${command}`);
    const channel = new SimulatedChannel(this.#machine, this.#witness, start.marker, (reason) => this.lose(reason));
    this.#channels.add(channel);
    void channel.ended.then(() => this.#channels.delete(channel));
    return channel;
  }

  /** The link breaks, for both sides. */
  lose(reason: string): void {
    if (this.#lost !== null) return;
    this.#lost = reason;
    this.#unlisten();
    for (const channel of [...this.#channels]) channel.lose(reason);
    this.#tell(reason);
  }

  async close(): Promise<void> {
    this.lose('closed');
  }
}

class SimulatedChannel implements Channel {
  readonly ended: Promise<Ending>;
  #finish: (ending: Ending) => void = () => {};
  #over = false;
  #input = '';
  #onStdout: (bytes: Buffer) => void = () => {};
  #onStderr: (bytes: Buffer) => void = () => {};
  readonly #machine: Machine;
  readonly #witness: Witness;
  readonly #breakLink: (reason: string) => void;

  constructor(machine: Machine, witness: Witness, marker: string, breakLink: (reason: string) => void) {
    this.#machine = machine;
    this.#witness = witness;
    this.#breakLink = breakLink;
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const { generation } = machine;
    machine.time.after(3, () => {
      if (machine.generation !== generation || machine.power === 'down') return;
      this.#print(Buffer.from(`${marker}\n`), Buffer.from(`${marker}\n`));
    });
  }

  write(bytes: string | Uint8Array): void {
    this.#input += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8');
  }

  end(): void {
    const { generation } = this.#machine;
    this.#machine.time.after(2, () => {
      if (this.#machine.generation === generation && this.#machine.power === 'up')
        this.#run(this.#input).catch((thrown: unknown) => this.#machine.time.fail(thrown));
    });
  }

  onStdout(listener: (bytes: Buffer) => void): void {
    this.#onStdout = listener;
  }

  onStderr(listener: (bytes: Buffer) => void): void {
    this.#onStderr = listener;
  }

  close(): void {
    this.lose('closed');
  }

  lose(reason: string): void {
    this.#end({ kind: 'lost', reason });
  }

  async #run(text: string): Promise<void> {
    const machine = this.#machine;
    machine.execs += 1;
    const faults = machine.faults.filter((fault) => 'exec' in fault && fault.exec === machine.execs);
    for (const fault of faults) machine.notice(fault);
    const cut = faults.find((fault): fault is FaultOf<'cut'> => fault.kind === 'cut');
    const hang = faults.find((fault): fault is FaultOf<'hang'> => fault.kind === 'hang');
    const power = faults.find((fault): fault is FaultOf<'power-cut'> => fault.kind === 'power-cut');
    if (faults.some((fault) => fault.kind === 'edit')) editByHand(machine);
    if (cut?.when === 'before') return this.#breakLink('connection reset');
    if (hang?.effect === false) return;
    if (cut?.when === 'middle') machine.time.after(25, () => this.#breakLink('connection reset'));
    const script = recognise(text);
    const over = this.#witness.arrives(machine, script);
    void this.ended.then(over);
    const done = await perform(machine, script, power?.statements ?? null, () =>
      this.#witness.changes(machine, script),
    );
    if (cut?.when === 'after') return this.#breakLink('connection reset');
    if (hang === undefined) this.#answer(done);
  }

  #answer({ stdout, stderr, code }: Done): void {
    this.#print(Buffer.from(stdout), Buffer.from(stderr));
    this.#end({ kind: 'exit', code });
  }

  #print(stdout: Buffer, stderr: Buffer): void {
    if (this.#over) return;
    if (stderr.length > 0) this.#onStderr(stderr);
    if (stdout.length > 0) this.#onStdout(stdout);
  }

  #end(ending: Ending): void {
    if (this.#over) return;
    this.#over = true;
    this.#finish(ending);
  }
}

function editByHand({ files, execs }: Machine): void {
  const file = files.get(settingsPath);
  if (file !== undefined) files.set(settingsPath, { ...file, text: `${file.text}# seen to, ${execs}\n` });
}

function failure(code: string, { name }: Machine, found: string): VfleetError {
  return new VfleetError({ code, host: name, thing: 'a simulated host', found });
}

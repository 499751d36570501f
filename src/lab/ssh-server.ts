import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2, { type AuthContext, type Connection, type ServerChannel, type Session } from 'ssh2';
import type { Command } from './command.ts';
import { commandFaults, type Faults } from './faults.ts';
import type { KeyPair } from './keys.ts';
import { labAddress } from './port.ts';
import { proves } from './proof.ts';
import { type Link, serve } from './session.ts';

/** What has happened at a node's SSH server since the lab started. */
export interface Counters {
  connections: number;
  logins: number;
  /** Commands asked for: the round trips of a client. */
  execs: number;
  /** Bytes of standard input and of both output streams that went through. */
  bytesIn: number;
  bytesOut: number;
}

/** Who may log in, and what a command does. */
export interface Account {
  readonly user: string;
  /** The only public key that is accepted, as a line of `authorized_keys`. */
  readonly publicLine: string;
  /** `null`: no log-in by password. */
  readonly password: string | null;
  /** Starts a command. `connection`: the value of `SSH_CONNECTION`. */
  start(command: string, connection: string): Command;
}

/** sshd's default `MaxSessions`. Source: sshd_config(5). */
const maxSessions = 10;

/** A client's connection, with what to call when it is gone. */
interface Guest {
  readonly socket: Socket | undefined;
  readonly leavers: Set<() => void>;
}

/** The SSH server of one node: a real one, on a port of its own, up and down with the machine. */
export class SshServer {
  readonly counters: Counters = { connections: 0, logins: 0, execs: 0, bytesIn: 0, bytesOut: 0 };
  readonly #port: number;
  readonly #account: Account;
  readonly #sockets = new Set<Socket>();
  #listener: Server | null = null;
  #faults: Faults = {};
  #commandsSinceFaults = 0;
  #silent = false;

  constructor(port: number, account: Account) {
    this.#port = port;
    this.#account = account;
  }

  /** Sets what is wrong from now on; counts of `skip` and `times` start anew. */
  setFaults(faults: Faults): void {
    this.#faults = faults;
    this.#commandsSinceFaults = 0;
  }

  /** Listens, with this host key. A machine that lost its power now answers old connections with a reset. */
  async listen(hostKey: KeyPair): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#silent = false;
    const speaker = new ssh2.Server({ hostKeys: [hostKey.privateKey] }, (client, { port }) =>
      this.#greet(
        client,
        [...this.#sockets].find((socket) => socket.remotePort === port),
      ),
    );
    const listener = createServer((socket) => this.#connect(socket, speaker));
    await listenSoon(listener, this.#port);
    this.#listener = listener;
  }

  /** Breaks every connection, new ones are still accepted. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /**
   * Goes down. `silently`: as in a power cut, no end of a connection is announced; clients notice by their own means, or
   * by a reset after `listen`.
   */
  close(silently = false): void {
    this.#listener?.close();
    this.#listener = null;
    if (!silently) this.dropConnections();
    else {
      this.#silent = true;
      for (const socket of this.#sockets) socket.pause();
    }
  }

  #connect(socket: Socket, speaker: InstanceType<typeof ssh2.Server>): void {
    this.counters.connections += 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.setNoDelay(true);
    if (this.#faults.silentTcp) socket.resume();
    else speaker.injectSocket(socket);
  }

  #greet(client: Connection, socket: Socket | undefined): void {
    const guest: Guest = { socket, leavers: new Set() };
    let sessions = 0;
    client.on('error', () => {});
    client.on('close', () => {
      for (const leave of guest.leavers) leave();
    });
    client.on('authentication', (context) => this.#authenticate(context));
    client.on('ready', () => {
      this.counters.logins += 1;
    });
    client.on('session', (accept, reject) => {
      if (sessions === maxSessions) {
        reject();
        return;
      }
      sessions += 1;
      const session = accept();
      session.on('close', () => {
        sessions -= 1;
      });
      this.#serveSession(session, guest);
    });
  }

  #authenticate(context: AuthContext): void {
    const { user, publicLine, password } = this.#account;
    const methods: ('publickey' | 'password')[] = password === null ? ['publickey'] : ['publickey', 'password'];
    const accepted = !this.#faults.refuseLogin && context.username === user && proves(context, publicLine, password);
    if (accepted) context.accept();
    else context.reject(methods);
  }

  #serveSession(session: Session, guest: Guest): void {
    let running: Command | null = null;
    const begin = async (channel: ServerChannel, text: string) => {
      running = await this.#run(channel, text, guest);
    };
    session.on('exec', (accept, _reject, info) => void begin(accept(), info.command));
    // Without a terminal, for a person who wants to look around.
    session.on('shell', (accept) => void begin(accept(), 'exec /bin/sh -i'));
    session.on('signal', (accept, _reject, info) => {
      running?.kill(signalName(info.name));
      accept?.();
    });
  }

  /** Runs a command to its end beside others; resolves when it has started. */
  async #run(channel: ServerChannel, text: string, guest: Guest): Promise<Command | null> {
    const faults = commandFaults(this.#faults, this.#commandsSinceFaults);
    this.counters.execs += 1;
    this.#commandsSinceFaults += 1;
    channel.on('error', () => {});
    if (faults.hang) {
      channel.resume();
      return null;
    }
    if (faults.latency > 0) await delay(faults.latency);
    // Gone while it waited: sshd would not have started it.
    if (guest.socket?.destroyed || this.#silent || this.#listener === null) return null;
    const command = this.#account.start(text, describeConnection(guest.socket));
    const release = serve(channel, command, faults, this.#link(guest.socket));
    const leave = () => {
      guest.leavers.delete(leave);
      release();
    };
    guest.leavers.add(leave);
    channel.on('close', leave);
    return command;
  }

  #link(socket: Socket | undefined): Link {
    const isSilent = () => this.#silent;
    return {
      cut: () => socket?.destroySoon(),
      get silent() {
        return isSilent();
      },
      counters: this.counters,
    };
  }
}

/** The port is held for the node, but connections of its last life may take a moment to go. */
async function listenSoon(listener: Server, port: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      listener.listen(port, labAddress);
      await once(listener, 'listening');
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await delay(20);
    }
  }
}

function describeConnection(socket: Socket | undefined): string {
  const { remoteAddress = labAddress, remotePort = 0, localAddress = labAddress, localPort = 0 } = socket ?? {};
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

function signalName(name: string): NodeJS.Signals {
  const known: readonly NodeJS.Signals[] = ['SIGABRT', 'SIGALRM', 'SIGHUP', 'SIGINT', 'SIGKILL', 'SIGQUIT', 'SIGUSR1'];
  return known.find((candidate) => candidate === `SIG${name}`) ?? 'SIGTERM';
}

/** How a started command ended. `lost`: the link broke first, so nobody knows what became of it. */
export type Ending =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'lost'; readonly reason: string };

/** One running remote command: bytes in, bytes out. */
export interface Channel {
  /** Writes to the command's standard input. */
  write(bytes: string | Uint8Array): void;
  /** Ends the command's standard input. */
  end(): void;
  /** Called with each piece of standard output. Both streams are always drained, listened to or not. */
  onStdout(listener: (bytes: Buffer) => void): void;
  onStderr(listener: (bytes: Buffer) => void): void;
  /** Resolves exactly once and never rejects. */
  readonly ended: Promise<Ending>;
  /** Closes the channel at once; `ended` then resolves. */
  close(): void;
}

/** An authenticated connection to one host. */
export interface Connection {
  /** Starts a command. Errors: `ssh.lost` when the link is gone, `ssh.channel` when the server refuses. */
  open(command: string): Promise<Channel>;
  /** Resolves with the reason when the link is gone, whoever ended it. */
  readonly closed: Promise<string>;
  close(): Promise<void>;
}

/** Opens connections to hosts. `Target` is what it needs to know of one. */
export interface Transport<Target> {
  /**
   * A full log-in. Errors (`VfleetError`): `ssh.unreachable`, `ssh.timeout`, `ssh.host-key-unknown`,
   * `ssh.host-key-changed`, `ssh.host-key-revoked`, `ssh.known-hosts`, `ssh.auth`, `ssh.key-file`, `ssh.jump`,
   * `ssh.protocol`, `interrupted`.
   */
  connect(target: Target, signal?: AbortSignal): Promise<Connection>;
}

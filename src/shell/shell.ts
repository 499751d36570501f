import type { Script } from './script.ts';

export interface RunOptions {
  /** Milliseconds from the start of the script until it is given up and its channel closed. Default: 60,000. */
  readonly timeout?: number;
  /** Bytes of each stream that are kept; what is more is dropped and `truncated` is set. Default: 8 MiB. */
  readonly maxBytes?: number;
  /** Called with each full line of standard output as it arrives, for progress. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** What a script printed and how it ended. */
export interface Output {
  /** Exit code; 128 + n stands for death by signal n where the shell says so. */
  readonly code: number;
  /** Standard output before the first section. */
  readonly stdout: Buffer;
  /** What the script printed after each `section KEY`, byte for byte. A key used twice: joined. */
  readonly sections: ReadonlyMap<string, Buffer>;
  readonly stderr: string;
  readonly truncated: boolean;
}

/**
 * Runs scripts on one host, elevated as its inventory entry says. A script is run with POSIX `sh`, wholly or not at all.
 * Errors (`VfleetError`): `ssh.lost`, `shell.timeout`, `shell.no-start` (no start marker), `sudo.missing`,
 * `sudo.password-required`, `sudo.refused`, `sudo.password-wrong`, `sudo.expired`, `interrupted`, and those of
 * `Transport.connect`. An exit code is never an error.
 */
export interface Shell {
  readonly host: string;
  run(script: Script, options?: RunOptions): Promise<Output>;
  /** Drops the connection; the next `run` logs in anew. */
  disconnect(): Promise<void>;
  /** Number of `run` calls that reached the host, for tests and reports. */
  readonly runs: number;
}

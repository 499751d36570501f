/** What a log-in to one host needs: everything resolved, nothing read from the environment. */
export interface SshTarget {
  /** Name of the host in the inventory, for errors. */
  readonly host: string;
  /** Name or IP address to connect to, and under which its host key is known. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Absolute path of a private key. */
  readonly keyFile: string | null;
  readonly password: string | null;
  /** Socket of an SSH agent. */
  readonly agent: string | null;
  /** The host to go through. */
  readonly jump: SshTarget | null;
  /** Files of known host keys, all of which count; with `accept-new`, keys are added to the first. */
  readonly knownHostsFiles: readonly string[];
  /** `accept-new`: a host of which no key is known yet is believed and remembered; a changed key is refused all the same. */
  readonly hostKeyPolicy: 'strict' | 'accept-new';
  /** `SHA256:…`: the only keys that are accepted; known_hosts then counts for revoked keys only. */
  readonly pinnedFingerprints?: readonly string[];
  /** Milliseconds for connection, handshake and log-in together. */
  readonly connectTimeout: number;
}

/** How a target is named in errors: `root@10.1.0.4:22`. */
export function describeTarget(target: SshTarget): string {
  const { user, address, port } = target;
  return `${user}@${address.includes(':') ? `[${address}]` : address}:${port}`;
}

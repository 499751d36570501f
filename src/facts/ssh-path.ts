import { sh } from '../shell/script.ts';
import { linesOf, type Sections } from './sections.ts';

/**
 * By which addresses the probe came in. sudo drops `SSH_CONNECTION` from the environment of what it starts (sudoers(5),
 * `env_reset`), but has it in its own: of the processes above this one the nearest that has it counts. The answers take the
 * route back to the client, which need not be the interface that has the address.
 */
export const sshPathProbe = sh`
section hardware-ssh
(
  connection=\${SSH_CONNECTION-} pid=$PPID tries=0
  while [ -z "$connection" ] && [ "\${pid:-0}" -gt 1 ] 2>/dev/null && [ $tries -lt 8 ]; do
    connection=$(tr '\\000' '\\n' <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p')
    pid=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status")
    tries=$((tries + 1))
  done
  [ -n "$connection" ] || exit 0
  printf 'connection %s\\n' "$connection"
  ip -o route get "\${connection%% *}" | sed 's/^/back /'
) 2>/dev/null
`;

/** How an SSH connection reaches the host. */
export interface SshPath {
  /** Address of the host that the client speaks to, without zone. */
  readonly address: string;
  /** Interfaces that are named: by the zone of a link-local address, by the route back to the client. */
  readonly interfaces: readonly string[];
}

/** `CLIENT PORT SERVER PORT` (ssh(1), `SSH_CONNECTION`); a link-local address has its interface with it: `fe80::1%eth0`. */
export function parseSshPath(sections: Sections): SshPath | null {
  const lines = linesOf(sections, 'hardware-ssh');
  const [, server] = lines.flatMap((line) => /^connection \S+ \d+ (\S+) \d+$/.exec(line) ?? []);
  if (server === undefined) return null;
  const [address = '', zone] = server.replace(/^::ffff:(?=\d+\.)/i, '').split('%');
  const back = lines.filter((line) => line.startsWith('back ')).flatMap((line) => / dev (\S+)/.exec(line)?.[1] ?? []);
  return { address, interfaces: [...(zone === undefined ? [] : [zone]), ...back] };
}

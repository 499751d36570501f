import type { Elevation } from '../inventory/host.ts';

/** Length of the identifier in bytes, before it is written as hex digits. */
export const startBytes = 8;

/** How a shell is started on a host, and how that is recognised. */
export interface Start {
  readonly command: string;
  /** Printed on both streams, on a line of its own, when the shell is about to read its script. */
  readonly marker: string;
  /** What sudo prints on standard error when it reads a password; `null` when it is not to ask for one. */
  readonly prompt: string | null;
}

/**
 * The command that starts a shell. It must survive any log-in shell (bash, csh, fish, a restricted one), so it has single
 * quotes only, and within them neither `!` nor backslash nor newline. Neither marker nor prompt stands in it literally
 * (`""` and `%%` within), so that a log-in shell that shows its commands cannot be taken for either. Where sudo may ask,
 * its process id is printed first: see `stopCommand`.
 * `LC_ALL=C` for sudo, as its messages are read. Source: sudo(8), `-n`, `-S`, `-p`.
 */
export function start(elevate: Elevation, withPassword: boolean, id: string): Start {
  const marker = `vfleet-start-${id}`;
  const hidden = `vfleet-start-""${id}`;
  const inner = `'echo ${hidden}; echo ${hidden} >&2; exec /bin/sh -s'`;
  // A restricted shell refuses a slash in the name of a command.
  if (elevate !== 'sudo') return { command: `sh -c ${inner}`, marker, prompt: null };
  if (!withPassword) return { command: `env LC_ALL=C sudo -n -- /bin/sh -c ${inner}`, marker, prompt: null };
  const sudo = `exec env LC_ALL=C sudo -S -p "vfleet-%%-${id}: " -- /bin/sh -c "echo $m; echo $m >&2; exec /bin/sh -s"`;
  return {
    command: `sh -c 'm=${hidden}; echo vfleet-pid-${id}-$$ >&2; ${sudo}'`,
    marker,
    prompt: `vfleet-%-${id}: `,
  };
}

/** Marker and prompt of a start command, for servers that answer from a record; `null` when the command is another one. */
export function parseStart(command: string): Pick<Start, 'marker' | 'prompt'> | null {
  const id = /vfleet-start-""([0-9a-f]+);/.exec(command)?.[1];
  if (id === undefined) return null;
  return { marker: `vfleet-start-${id}`, prompt: command.includes(' sudo -S ') ? `vfleet-%-${id}: ` : null };
}

/**
 * Ends a sudo that waits for a password; `null` when what was printed so far does not tell which process that is. Closing
 * the channel instead would be a second failed log-in for `pam_faillock`, as the end of input is one. It may be killed
 * because its real user is still the one who called it. Source: kill(2); pam_faillock(8); observed with sudo 1.9.13.
 */
export function stopCommand(marker: string, stderr: string): string | null {
  const id = marker.slice('vfleet-start-'.length);
  const pid = new RegExp(`vfleet-pid-${id}-([0-9]+)\n`).exec(stderr)?.[1];
  return pid === undefined ? null : `sh -c 'kill -KILL ${pid}'`;
}

/** What came before a shell without what `start` itself prints there. */
export function withoutOwn(stderr: string): string {
  return stderr.replaceAll(/vfleet-(?:pid-[0-9a-f]+-[0-9]+\n|%-[0-9a-f]+: |start-[0-9a-f]+\n)/g, '');
}

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
 * (`""` and `%%` within), so that a log-in shell that shows its commands cannot be taken for either.
 * `LC_ALL=C` for sudo, as its messages are read. Source: sudo(8), `-n`, `-S`, `-p`.
 */
export function start(elevate: Elevation, withPassword: boolean, id: string): Start {
  const inner = `'echo vfleet-start-""${id}; echo vfleet-start-""${id} >&2; exec /bin/sh -s'`;
  const marker = `vfleet-start-${id}`;
  // A restricted shell refuses a slash in the name of a command.
  if (elevate !== 'sudo') return { command: `sh -c ${inner}`, marker, prompt: null };
  const shell = `-- /bin/sh -c ${inner}`;
  if (!withPassword) return { command: `env LC_ALL=C sudo -n ${shell}`, marker, prompt: null };
  const prompt = `vfleet-%-${id}: `;
  return { command: `env LC_ALL=C sudo -S -p 'vfleet-%%-${id}: ' ${shell}`, marker, prompt };
}

/** Marker and prompt of a start command, for servers that answer from a record; `null` when the command is another one. */
export function parseStart(command: string): Pick<Start, 'marker' | 'prompt'> | null {
  const id = /'echo vfleet-start-""([0-9a-f]+);/.exec(command)?.[1];
  if (id === undefined) return null;
  return { marker: `vfleet-start-${id}`, prompt: command.includes(' sudo -S ') ? `vfleet-%-${id}: ` : null };
}

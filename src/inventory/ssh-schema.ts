import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { parseJump } from './jump.ts';

// The expressions below go into the JSON Schema too, where an editor may compile them with or without the `u` flag.
const ONE_LINE = /^[ -~\u00a0-\uffff]+$/;

/** A host name or address alone: a port has a key of its own. */
const address = z
  .string()
  .regex(/^[\w:\u00a1-\uffff][\w.:%\u00a1-\uffff-]*$/)
  .refine((text) => !text.includes(':') || isIPv6(text))
  .describe('Host name or IP address to log in to; the name of the host when it is not given.');

const path = z
  .string()
  .regex(ONE_LINE)
  .refine((text) => !/^~[^/]/.test(text) && !text.includes('$'));

/** `ssh: { … }` on a host, a group or all. Unknown keys are refused. `null` takes back what a group says. */
export const sshSchema = z
  .strictObject({
    address,
    port: z.int().min(1).max(65535).describe('TCP port of the SSH server; 22 when it is not given.'),
    user: z
      .string()
      .regex(/^[!-,.-~\u00a1-\uffff][!-~\u00a1-\uffff]*$/)
      .nullable()
      .describe('Log-in name; the name of the user who runs vfleet when it is not given.'),
    keyFile: path.nullable().describe("Private key. ~/ is the home folder; relative to the inventory's folder."),
    password: z.string().regex(ONE_LINE).nullable().describe('Log-in password. Prefer a key.'),
    jump: z
      .string()
      .refine((text) => parseJump(text) !== null)
      .nullable()
      .describe('Jump host: the name of an inventory host, or [user@]address[:port].'),
    elevate: z
      .enum(['root', 'sudo', 'none'])
      .describe(
        'How scripts get root: logged in as root, sudo, or not at all. Default: root for user root, else sudo.',
      ),
    elevatePassword: z
      .string()
      .regex(ONE_LINE)
      .nullable()
      .describe('Password for sudo. Without it, sudo must ask none.'),
    knownHosts: path
      .nullable()
      .describe("known_hosts file beside the user's own. ~/ is the home folder; relative to the inventory's folder."),
  })
  .partial();

/** A key of `ssh: { … }`. */
export type SshKey = keyof z.output<typeof sshSchema>;

/** All keys of `ssh: { … }`. */
export const sshKeys: readonly SshKey[] = sshSchema.keyof().options;

/** What each key takes, in words, for an error message. */
export const sshExpected: Readonly<Record<SshKey, string>> = {
  address: 'a host name or an IP address as text, without user and port',
  port: 'a port number from 1 to 65535',
  user: 'a log-in name as text, without spaces',
  keyFile: 'the path of a private key as text; ~/ is the home folder, variables are not expanded',
  password: 'a password as text of one line; quote a number',
  jump: 'one jump host: the name of an inventory host, or [user@]address[:port]',
  elevate: 'root, sudo or none',
  elevatePassword: 'a password as text of one line; quote a number',
  knownHosts: 'the path of a known_hosts file as text; ~/ is the home folder, variables are not expanded',
};

/** Keys whose values are never shown. */
export const sshSecrets: ReadonlySet<string> = new Set<SshKey>(['password', 'elevatePassword']);

/** Whether a value is good for a key. */
export function sshAccepts(key: SshKey, value: unknown): boolean {
  return sshSchema.shape[key].safeParse(value).success;
}

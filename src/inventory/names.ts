import { isIPv6 } from 'node:net';

/** A host key with a port: `node01:2222`, `[2001:db8::1]:2222`. */
export interface HostKey {
  readonly pattern: string;
  readonly port: number | null;
}

/**
 * Separates the port that a host key may end in, as Ansible does. A colon inside a range or in an IPv6 address is none.
 * (Source: ansible-core 2.14, `parsing/utils/addresses.py`, `parse_address`.)
 */
export function splitPort(key: string): HostKey {
  if (isIPv6(key)) return { pattern: key, port: null };
  const match = /^(?:\[(?<inner>[0-9a-fA-F:.]+)\]|(?<plain>(?:[^:[\]]|\[[^\]]*\])+)):(?<port>[0-9]+)$/.exec(key);
  const { inner, plain, port } = match?.groups ?? {};
  if (port === undefined || (inner !== undefined && !isIPv6(inner))) return { pattern: key, port: null };
  return { pattern: inner ?? plain ?? key, port: Number(port) };
}

/**
 * Whether a text can name a host: letters, digits, `_`, `.`, `-`, or an IPv6 address. Nothing that a pattern or a file name
 * gives another meaning.
 */
export function isHostName(name: string): boolean {
  return name.length <= 253 && (/^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(name) || isIPv6(name));
}

/** Whether a text can name a group. Ansible warns about `-` and `.`, but takes them. */
export function isGroupName(name: string): boolean {
  return name.length <= 253 && /^[\p{L}\p{N}_][\p{L}\p{N}_.+-]*$/u.test(name);
}

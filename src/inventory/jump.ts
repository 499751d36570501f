import { isIPv6 } from 'node:net';

/** A jump host as it is written: `[user@]address[:port]`. */
export interface JumpAddress {
  readonly user: string | null;
  readonly address: string;
  readonly port: number | null;
}

/**
 * The parts of `[user@]address[:port]`, or `null` when a text is not one jump host. An IPv6 address with a port stands in
 * brackets: `[2001:db8::1]:22`. Several hops, separated by commas, are not one.
 */
export function parseJump(text: string): JumpAddress | null {
  const at = text.lastIndexOf('@');
  const user = at === -1 ? null : text.slice(0, at);
  if (user !== null && !/^[!-,.-~\u00a1-\uffff][!-~\u00a1-\uffff]*$/.test(user)) return null;
  const rest = text.slice(at + 1);
  if (isIPv6(rest)) return { user, address: rest, port: null };
  const match =
    /^(?:\[(?<inner>[^\]]+)\]|(?<plain>[\w\u00a1-\uffff][\w.\u00a1-\uffff-]*))(?::(?<port>[0-9]{1,5}))?$/.exec(rest);
  const { inner, plain, port } = match?.groups ?? {};
  if (inner !== undefined && !isIPv6(inner)) return null;
  const address = inner ?? plain;
  const number = port === undefined ? null : Number(port);
  if (address === undefined || (number !== null && (number < 1 || number > 65535))) return null;
  return { user, address, port: number };
}

/** Whether a jump host can only be meant as the name of an inventory host: one word, no user, port, dot or colon. */
export function looksLikeInventoryName(jump: string): boolean {
  return !/[@.:]/.test(jump);
}

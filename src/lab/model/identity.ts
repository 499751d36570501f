import { createHash } from 'node:crypto';

/** What tells one node from another of the same kind. */
export interface Identity {
  readonly name: string;
  /** `/etc/machine-id`: 32 hex digits. */
  readonly machineId: string;
  readonly serial: string;
  /** DMI's `product_uuid`. */
  readonly uuid: string;
}

/** A node's identity, always the same for the same name. */
export function identityOf(name: string): Identity {
  const digest = createHash('sha256').update(`lab node ${name}`).digest('hex');
  const groups = [0, 8, 12, 16, 20].map((from, index) => digest.slice(from, [8, 12, 16, 20, 32][index]));
  return {
    name,
    machineId: digest.slice(0, 32),
    serial: `LAB${digest.slice(32, 40).toUpperCase()}`,
    uuid: groups.join('-'),
  };
}

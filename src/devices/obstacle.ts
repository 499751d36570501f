import type { Consent } from './selector.ts';

/** Why a device may not be taken from the host. */
export interface Obstacle {
  /** Stable, for programs: `ssh-path`, `default-route`, `network-in-use`, `disk-in-use`, `data`, `boot-display`, … */
  readonly kind: string;
  /** Full address, or a USB port, or a name in /dev. */
  readonly device: string;
  /** What was found, naming what uses it: `eth0 carries this SSH connection`. */
  readonly reason: string;
  readonly remedy: string;
  /** What the operator can say to have it taken all the same; absent: nothing. */
  readonly consent?: Consent;
}

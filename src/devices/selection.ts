import type { PciDevice } from '../facts/facts.ts';
import type { Consent } from './selector.ts';

/** Devices that are handed over, or stay, together: all endpoints of the IOMMU groups of all functions of the slots. */
export interface Unit {
  /** What was selected, by address. */
  readonly selected: readonly PciDevice[];
  /** What has to go with it: other functions of its slot, group mates. Bridges are neither. */
  readonly mates: readonly PciDevice[];
  readonly allow: readonly Consent[];
}

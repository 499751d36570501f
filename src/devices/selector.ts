/**
 * What devices are meant, as operators write it in inventories. A text is a full address (`0000:03:00.0`; `03:00.0` in
 * domain 0), a slot (`0000:03:00`), ids (`10de:1b06`), or a key and a value (`driver=nouveau`). In an object every key that
 * is given must fit, so that what identifies a device is recorded beside its address. Where none names it (address, slot,
 * serial, physicalSlot), the boot display and that of a BMC are left out, unless allowed.
 */
export interface DeviceSelector {
  /** Full address. */
  readonly address?: string;
  /** Address without function: all functions of the slot. */
  readonly slot?: string;
  /** `vendor:device`. */
  readonly id?: string;
  /** Class code, two to six hex digits from the left: `03`, `0302`. */
  readonly class?: string;
  readonly driver?: string;
  /** Of a disk or controller. */
  readonly serial?: string;
  readonly numaNode?: number;
  /** Name of a physical slot, as on the board. */
  readonly physicalSlot?: string;
  /** How many are expected: more or fewer refuse the host. Default: 1 for an address or serial; any but none for others. */
  readonly count?: number;
  /** What of it may be passed though it has something on it; see `src/devices/obstacle.ts`. */
  readonly allow?: readonly Consent[];
}

/** What an operator must say yes to, in so many words. */
export type Consent = 'data' | 'boot-display' | 'bmc' | 'link-up' | 'input';

export const consents: readonly Consent[] = ['data', 'boot-display', 'bmc', 'link-up', 'input'];

import type { MachinePciDevice } from '../machine.ts';

/** A driver that is offered a device. */
export interface Offer {
  readonly device: MachinePciDevice;
  readonly driver: string;
  /** The device's `driver_override`. */
  readonly override: string | null;
  /** The driver was told of the device's id, by `new_id` or a parameter. */
  readonly known: boolean;
  /** Devices are translated by an IOMMU. */
  readonly translated: boolean;
}

/**
 * Whether the driver matches a device, by `pci_match_device()` of drivers/pci/pci-driver.c: an override is all that counts
 * where there is one. vfio-pci then refuses what has no group, and bridges (`vfio_pci_core_register_device()`).
 */
export function takes(offer: Offer): boolean {
  return fits(offer) && refusalOf(offer) === null;
}

/** Whether it is its driver at all. */
export function fits({ device, driver, override, known }: Offer): boolean {
  return override === null ? known || device.driver === driver : override === driver;
}

/** The error of the driver's probe function for a device that fits; `null`: there is none. */
export function refusalOf({ device, driver, translated }: Offer): number | null {
  if (driver !== 'vfio-pci') return null;
  const grouped = translated && device.group !== null;
  return !grouped || /^060[47]/.test(device.class) ? -22 : null;
}

import type { PciDevice } from '../facts/facts.ts';

/**
 * Whether a device is likely to have its own driver before the rules of the installed system are read: the generators of
 * initramfs put drivers of disks (01) and host controllers of USB (0c03) there whatever the root is on, those of displays (03)
 * for a splash; and kernels have them built in (`block` in hook-functions of initramfs-tools, 90kernel-modules and 50drm of dracut).
 * Whatever else there is, is unbound later, at coldplug.
 */
export function isTakenEarly({ class: code }: PciDevice): boolean {
  return ['01', '03', '0c03'].some((prefix) => code.startsWith(prefix));
}

/** Whether a device is held by what is meant, and by an override, so that it stays there when it is probed anew. */
export function isHeld({ driver, driverOverride }: PciDevice, wished: string): boolean {
  return driver === wished && driverOverride === wished;
}

/**
 * Whether the driver that has a device cannot be trusted to let it go: those of displays have a console or a client on it, and
 * hang or take the kernel along. A reboot is due for them.
 */
export function keepsHold({ class: code, driver }: PciDevice): boolean {
  return code.startsWith('03') && driver !== null && !['vfio-pci', 'pci-stub'].includes(driver);
}

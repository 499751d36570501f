import type { MachinePciDevice } from '../machine.ts';
import type { UdevDevice } from './udev-event.ts';

/** A PCI device, as rules of udev see it. */
export function pciUdevDevice(
  action: UdevDevice['action'],
  device: MachinePciDevice,
  driver: string | null,
): UdevDevice {
  const { vendor, device: id, class: code, subsystem, address } = device;
  const attributes: Readonly<Record<string, string>> = {
    vendor: `0x${vendor}`,
    device: `0x${id}`,
    class: `0x${code}`,
    subsystem_vendor: `0x${subsystem?.vendor ?? '0000'}`,
    subsystem_device: `0x${subsystem?.device ?? '0000'}`,
    ...(device.sriov === undefined ? {} : { sriov_totalvfs: String(device.sriov.total) }),
  };
  return { action, kernel: address, subsystem: 'pci', driver, attribute: (name) => attributes[name] ?? null };
}

import type { MachinePciDevice } from '../machine.ts';
import type { CommandLine } from './command-line.ts';
import { pciPath } from './pci-paths.ts';
import type { UdevDevice } from './udev-event.ts';

/** A PCI device, as rules of udev see it. `pci`: all that the machine has, of which some are bridges above it. */
export function pciUdevDevice(
  action: UdevDevice['action'],
  device: MachinePciDevice,
  { pci, commandLine }: { readonly pci: readonly MachinePciDevice[]; readonly commandLine: CommandLine },
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
  const devpath = pciPath(pci, address).slice('/sys'.length);
  const attribute = (name: string) => attributes[name] ?? null;
  return { action, kernel: address, subsystem: 'pci', devpath, commandLine, driver, attribute };
}

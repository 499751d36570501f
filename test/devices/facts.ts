import type { Facts, PciDevice } from '../../src/facts/facts.ts';
import type {
  BlockDevice,
  HardwareFacts,
  NetInterface,
  NvmeController,
  PciDetail,
  SerialPort,
  UsbDevice,
} from '../../src/facts/hardware.ts';
import { factsOf } from '../boot/facts.ts';

/** A PCI device out of its address, class and ids: `0000:3b:00.0 030000 10de:1b06 nouveau 12`. `-`: no driver, no group. */
export function pci(text: string, more: Partial<PciDevice> = {}): PciDevice {
  const [address = '', code = '', id = '', driver = '-', group = '-'] = text.split(' ');
  const [vendor = '', device = ''] = id.split(':');
  return {
    ...{ address, class: code, vendor, device, driver: driver === '-' ? null : driver, driverOverride: null },
    ...{ iommuGroup: group === '-' ? null : Number(group), numaNode: null, bootVga: false },
    ...more,
  };
}

export function detail(more: Partial<PciDetail> = {}): PciDetail {
  const nothing = { subsystem: null, revision: null, parent: null, physicalFunction: null, sriov: null, slot: null };
  return { ...nothing, resets: ['flr'], ...more };
}

export function net(name: string, more: Partial<NetInterface> = {}): NetInterface {
  const nothing = { mac: null, pci: null, usb: null, up: false, carrier: null, master: null };
  return { name, ...nothing, uppers: [], addresses: [], defaultRoute: false, ssh: false, ...more };
}

export function block(name: string, more: Partial<BlockDevice> = {}): BlockDevice {
  const nothing = { pci: null, usb: null, partitionOf: null, sizeBytes: null, model: null, serial: null };
  return { name, ...nothing, holders: [], mounts: [], swap: false, signature: null, ...more };
}

export function nvme(name: string, address: string, more: Partial<NvmeController> = {}): NvmeController {
  return { name, pci: address, serial: null, model: null, namespaces: [`${name}n1`], ...more };
}

export function usb(port: string, more: Partial<UsbDevice> = {}): UsbDevice {
  const nothing = { bus: 1, device: 2, serial: null, title: null, hub: false, interfaces: [], pci: null, node: null };
  return { port, vendor: '0403', product: '6001', ...nothing, ...more };
}

export function serial(name: string, more: Partial<SerialPort> = {}): SerialPort {
  return { name, uart: '16550A', usb: null, pci: null, console: false, getty: false, links: [], ...more };
}

/** Facts of a host with these devices; what is not named of the hardware is not there. Constructed. */
export function host(devices: readonly PciDevice[], hardware: Partial<HardwareFacts> = {}): Facts {
  const details = Object.fromEntries(devices.map(({ address }) => [address, detail()]));
  return factsOf({
    pci: devices,
    hardware: {
      ...{ nodes: [], net: [], block: [], nvme: [], usb: [], serial: [], driverctl: false },
      ...hardware,
      pci: { ...details, ...hardware.pci },
    },
  });
}

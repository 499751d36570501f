import type { MachinePciDevice } from '../machine.ts';

export interface UsbBus {
  readonly bus: number;
  /** Address of the controller. */
  readonly on: string;
  /** `2.0` or `3.0`. */
  readonly version: '2.0' | '3.0';
}

/** Buses in the order of the controllers. One of xHCI has two, for the two speeds that a socket has (xhci_pci_probe()). */
export function busesOf(devices: readonly Pick<MachinePciDevice, 'address' | 'class'>[]): readonly UsbBus[] {
  const buses = devices.flatMap(({ address, class: code }): Omit<UsbBus, 'bus'>[] => {
    if (code === '0c0330')
      return [
        { on: address, version: '2.0' },
        { on: address, version: '3.0' },
      ];
    return /^0c03[012]0$/.test(code) ? [{ on: address, version: '2.0' }] : [];
  });
  return buses.map((item, index) => ({ ...item, bus: index + 1 }));
}

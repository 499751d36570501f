import type { UsbDevice } from '../facts/hardware.ts';

/** Who may open USB devices that guests get. */
export interface UsbAccessOptions {
  /** Whose members may open them. Default: `kvm`, the group of QEMU on most systems. */
  readonly group?: string | undefined;
  /** Of the device's node. Default: `0660`. */
  readonly mode?: string | undefined;
}

/** With what was left out. */
export function accessOf({ group = 'kvm', mode = '0660' }: UsbAccessOptions): UsbAccess {
  return { group, mode };
}

export interface UsbAccess {
  readonly group: string;
  readonly mode: string;
}

/**
 * Whether the node of a device is the group's, as it is now; `null`: nobody knows. A node that is not root's was given to the user
 * of a guest that has the device, as libvirt does while the guest runs.
 */
export function isGranted({ node }: UsbDevice, { group, mode }: UsbAccess): boolean | null {
  if (node === null) return null;
  if (node.user !== 'root') return true;
  return node.group === group && Number.parseInt(node.mode, 8) === Number.parseInt(mode, 8);
}

/** The node, by which a program opens a device. */
export function nodePath({ bus, device }: Pick<UsbDevice, 'bus' | 'device'>): string {
  return `/dev/bus/usb/${[bus, device].map((number) => String(number).padStart(3, '0')).join('/')}`;
}

import type { KeptDevice } from './bound-devices.ts';

/**
 * What more is known of the devices of a host than the PCI bus says by itself: what is in use, and by whom. All of it is read
 * from sysfs, procfs and udev's database; nothing is opened, no disk is read. `null`: unknown, as in all facts.
 */
export interface HardwareFacts {
  /** More of each PCI device, by full address. */
  readonly pci: Readonly<Record<string, PciDetail>>;
  /** NUMA nodes that have memory. */
  readonly nodes: readonly NumaNode[];
  /** Those of devices, and what is on top of them, has a default route or the SSH connection: no loopback, no guest's tap. */
  readonly net: readonly NetInterface[];
  readonly block: readonly BlockDevice[];
  readonly nvme: readonly NvmeController[];
  readonly usb: readonly UsbDevice[];
  readonly serial: readonly SerialPort[];
  /** `driverctl` is installed, which keeps bindings over reboots (driverctl(8)). */
  readonly driverctl: boolean;
  /** What rules of bindings say of the devices that they bind; absent: there are none. */
  readonly bound?: readonly KeptDevice[];
}

export interface PciDetail {
  /** `vvvv:dddd`; `null` where the device has none. */
  readonly subsystem: string | null;
  /** Two hex digits. */
  readonly revision: string | null;
  /** Address of the bridge that it is behind, or of the VMD controller that has made its root bus; `null`: it is on a root bus. */
  readonly parent: string | null;
  /** Address of the physical function whose virtual function it is. */
  readonly physicalFunction: string | null;
  /** `null`: it cannot have virtual functions (or its driver offers none). */
  readonly sriov: {
    readonly total: number;
    readonly active: number;
    readonly autoprobe: boolean | null;
  } | null;
  /** How the kernel can reset it alone: words of `reset_method`, or `reset` where an older kernel tells no method; empty: it cannot. */
  readonly resets: readonly string[];
  /** Name of the physical slot (`/sys/bus/pci/slots`). */
  readonly slot: string | null;
}

export interface NumaNode {
  readonly node: number;
  readonly totalKiB: number | null;
  readonly freeKiB: number | null;
}

export interface NetInterface {
  readonly name: string;
  readonly mac: string | null;
  /** Address of the PCI device that it belongs to, also through virtio or USB; `null`: none. */
  readonly pci: string | null;
  /** Port of the USB device that it belongs to. */
  readonly usb: string | null;
  /** `IFF_UP`. */
  readonly up: boolean;
  readonly carrier: boolean | null;
  /** Bond, bridge, team or Open vSwitch that it is a part of. */
  readonly master: string | null;
  /** Interfaces that are on top of it: VLANs, macvlans, its master. */
  readonly uppers: readonly string[];
  /** Addresses of any scope but host and link-local, with prefix length; `null`: there is no `ip` to ask. */
  readonly addresses: readonly string[] | null;
  /** A default route of IPv4 or IPv6 leads over it, or over what is on top of it. */
  readonly defaultRoute: boolean;
  /**
   * The SSH connection of the probe goes over it, or over what is on top of it; `null`: nobody knows over what it goes (no
   * connection was told of, or it ends at a tunnel), so that addresses and routes must do.
   */
  readonly ssh: boolean | null;
}

export interface BlockDevice {
  /** `sda`, `nvme0n1p2`, `dm-0`. */
  readonly name: string;
  /** Address of the PCI device that it hangs on; `null`: none, or through something that hides it. */
  readonly pci: string | null;
  readonly usb: string | null;
  /** The whole disk that it is a partition of. */
  readonly partitionOf: string | null;
  readonly sizeBytes: number | null;
  readonly model: string | null;
  readonly serial: string | null;
  /** Device-mapper, md, bcache and the like that hold it, by name; a file system of many disks: `zpool rpool`. */
  readonly holders: readonly string[];
  /** Where it is mounted; of a file system of many disks, for each of them. At most eight, shortest first. */
  readonly mounts: readonly string[];
  readonly swap: boolean;
  /**
   * What udev found on it: type of a file system, RAID or LVM member (`ID_FS_TYPE`), or of a partition table; `none`: udev has
   * looked and found nothing. `null`: it has not looked, or left no word.
   */
  readonly signature: string | null;
}

export interface NvmeController {
  /** `nvme0`. */
  readonly name: string;
  readonly pci: string;
  readonly serial: string | null;
  readonly model: string | null;
  /** Block devices of its namespaces, also those that native multipath puts below a subsystem. */
  readonly namespaces: readonly string[];
}

export interface UsbDevice {
  /** Bus and port path, stable over replugging: `1-2.3`. A root hub is `usb1`. */
  readonly port: string;
  readonly bus: number;
  /** Changes with every replug. */
  readonly device: number;
  /** Four hex digits each. */
  readonly vendor: string;
  readonly product: string;
  readonly serial: string | null;
  /** Manufacturer and product as the device says them. */
  readonly title: string | null;
  readonly hub: boolean;
  /** Class (two hex digits) and driver of each interface. */
  readonly interfaces: readonly { readonly class: string; readonly driver: string | null }[];
  /** Address of the controller. */
  readonly pci: string | null;
  /** Who may open it (`/dev/bus/usb/BBB/DDD`); `null`: it has no node, or nobody looked. */
  readonly node: UsbNode | null;
}

/** Owner and mode of a device node. */
export interface UsbNode {
  readonly user: string;
  readonly group: string;
  /** Octal digits: `664`. */
  readonly mode: string;
}

export interface SerialPort {
  /** `ttyS0`, `ttyUSB0`. */
  readonly name: string;
  /** Type of the UART: `16550A`; `null`: there is none at that port, it is no 8250, or (of old kernels) only root may ask. */
  readonly uart: string | null;
  readonly usb: string | null;
  readonly pci: string | null;
  /** The kernel logs to it (`/sys/class/tty/console/active`, `console=`). */
  readonly console: boolean;
  /** A getty runs on it, or is enabled. */
  readonly getty: boolean;
  /** Links in `/dev` that lead to it, of `/dev/serial/by-id` and of own rules; not those by path. */
  readonly links: readonly string[];
}

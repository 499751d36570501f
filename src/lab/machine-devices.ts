/** A network interface, as far as it is configured. */
export interface MachineNetwork {
  readonly name: string;
  readonly mac: string;
  /** It is up and has a link; else neither. */
  readonly up: boolean;
  /** With prefix length: `192.0.2.10/24`. */
  readonly addresses?: readonly string[];
  readonly defaultRoute?: boolean;
  /** Logins come in by it. Where no interface says so, it is the first one that is up. */
  readonly ssh?: boolean;
}

/** A bond, bridge or VLAN. */
export interface MachineLink extends MachineNetwork {
  readonly kind: 'bond' | 'bridge' | 'vlan';
  /** Interfaces that it is on top of. A bond and a bridge are their master. */
  readonly on: readonly string[];
}

/** Virtual functions that a device can have. */
export interface MachineVirtualFunctions {
  readonly total: number;
  /** Device id of one. */
  readonly device: string;
  /** Driver that the kernel binds to one by itself. */
  readonly driver: string | null;
  /** First VF Offset and VF Stride of the capability: routing ids from that of the physical function. */
  readonly offset: number;
  readonly stride: number;
}

export interface MachineDisk {
  /** `sda`, `nvme0n1`. */
  readonly name: string;
  /** Address of its controller, or USB port. */
  readonly on: string;
  readonly sizeBytes: number;
  readonly model: string;
  readonly serial: string;
  /** Partition table; absent: none. */
  readonly table?: 'gpt' | 'dos';
  readonly signature?: string;
  readonly partitions?: readonly MachinePartition[];
  /** Of NVMe: it stands below a subsystem, and the controller's own one is hidden. */
  readonly multipath?: boolean;
}

export interface MachinePartition {
  readonly number: number;
  readonly sizeBytes: number;
  /** As udev calls it: `ext4`, `LVM2_member`, `swap`. */
  readonly signature?: string;
  readonly label?: string;
  /** It is swapped to. */
  readonly swap?: boolean;
}

/** A device of the device mapper. */
export interface MachineMapped {
  /** Name in `/dev/mapper`. */
  readonly label: string;
  /** Names of disks and partitions that it holds. */
  readonly on: readonly string[];
  readonly signature?: string;
  readonly swap?: boolean;
}

export interface MachineUsbDevice {
  /** Bus and port path: `1-2.3`. Controllers have buses in the order of the list: two each (of xHCI), or one. */
  readonly port: string;
  readonly vendor: string;
  readonly product: string;
  readonly manufacturer?: string;
  readonly title?: string;
  readonly serial?: string;
  /** Two hex digits; a hub's is `09`. */
  readonly class?: string;
  readonly interfaces: readonly {
    readonly class: string;
    readonly driver: string | null;
    /** Name of the serial port that its driver makes of it. */
    readonly tty?: string;
    readonly network?: MachineNetwork;
  }[];
}

export interface MachineSerialPort {
  /** `ttyS0`. */
  readonly name: string;
  /** Number of the kernel's type: 4 is a 16550A, 0 no UART. */
  readonly type: number;
}

import type { Cell } from './cell.ts';
import type {
  MachineDisk,
  MachineLink,
  MachineMapped,
  MachineNetwork,
  MachineSerialPort,
  MachineUsbDevice,
  MachineVirtualFunctions,
} from './machine-devices.ts';

/** What a lab node is, apart from its file tree: parsed from `machine.json` of a machine kind's folder. */
export interface MachineKind {
  /** Name of the folder: `debian-12-intel`. */
  readonly name: string;
  readonly folder: string;
  readonly settings: MachineSettings;
}

/** `machine.json`. The schema is in `machine-kind.ts`, which reads and validates it. */
export interface MachineSettings {
  readonly version: 1;
  readonly title: string;
  readonly distribution: {
    readonly id: string;
    readonly idLike: readonly string[];
    readonly versionId: string;
    readonly prettyName: string;
  };
  readonly architecture: string;
  readonly firmware: {
    readonly kind: 'uefi' | 'bios';
    readonly iommuTable: 'DMAR' | 'IVRS' | 'none';
    readonly interruptRemapping: boolean;
    /** The IOMMU is itself emulated and says so: the kernel then flushes at once, whatever its default is. */
    readonly virtualIommu: boolean;
    readonly secureBoot: boolean;
    /** As DMI tells it. */
    readonly vendor: string;
    readonly product: string;
  };
  readonly cpu: {
    readonly vendorId: string;
    readonly model: string;
    readonly flags: readonly string[];
    /** Logical processors. */
    readonly count: number;
  };
  readonly memoryKiB: number;
  /** Memory and processors are spread evenly over them. */
  readonly numaNodes: number;
  /** Versions that decide which options the tools know. */
  readonly tools: { readonly systemd: number; readonly kmod: number; readonly grub: string };
  readonly initramfs: 'dracut' | 'initramfs-tools';
  /** Mounted file systems; one is `/`. */
  readonly filesystems: readonly MachineFilesystem[];
  /** Arguments without which the initramfs does not find the root file system: `rd.lvm.lv=centos/root`. */
  readonly rootNeeds: readonly string[];
  readonly kernels: readonly MachineKernel[];
  /** The boot loader family whose stand-in tools and files the machine has. */
  readonly boot: {
    readonly loader: 'update-grub' | 'grub2-mkconfig' | 'bls' | 'systemd-boot' | 'proxmox-boot-tool' | 'ostree';
    /** The generated configuration. */
    readonly config: string;
    /** The file that the boot loader's own image reads first: a stub on some UEFI machines, else the same. */
    readonly first: string;
    /** EFI system partitions that only tools mount, in the order in which the firmware tries them. */
    readonly unmounted?: readonly { readonly uuid: string; readonly source: string }[];
  };
  /** Kernel log: who may read it, and whether its early lines are gone. */
  readonly log: { readonly restricted: boolean; readonly wrapped: boolean };
  readonly pci: readonly MachinePciDevice[];
  /** Memory by node, where it is not spread evenly. */
  readonly numaMemoryKiB?: readonly number[];
  /** Disks and partitions; those that NVMe controllers and mounted file systems imply need not be named. */
  readonly disks?: readonly MachineDisk[];
  readonly mapped?: readonly MachineMapped[];
  /** Bonds, bridges and VLANs, lower ones first. */
  readonly interfaces?: readonly MachineLink[];
  readonly usb?: readonly MachineUsbDevice[];
  /** Absent: four, of which the first has a UART. */
  readonly serialPorts?: readonly MachineSerialPort[];
  /** Symbolic links by path: a package of npm cannot carry them in the kind's `root/`. */
  readonly links?: Readonly<Record<string, string>>;
}

export interface MachineFilesystem {
  readonly mount: string;
  /** As in `/proc/mounts`: `/dev/mapper/centos-root`, `rpool/ROOT/pve-1`. */
  readonly source: string;
  readonly uuid: string;
  readonly type: string;
  /** GRUB's name of it: `hd0,gpt2`. */
  readonly grub: string;
  /** As in `/proc/mounts`; else `rw,relatime`. Nothing keeps a node from writing to what is `ro`. */
  readonly options?: string;
}

export interface MachineKernel {
  readonly release: string;
  /** `uname -v`. */
  readonly version: string;
  /** Modules with a file under `/lib/modules/RELEASE`, with underscores. */
  readonly modules: readonly string[];
  readonly builtin: readonly string[];
  /** `ko`, or compressed: `ko.xz`. */
  readonly suffix: string;
  /** Lines of `modules.softdep`: `vfio post: vfio_iommu_type1`. */
  readonly softdeps: readonly string[];
  /** Modules that a boot loads for what is not on the PCI bus: keyboards, USB devices, units of systemd. */
  readonly otherModules: readonly string[];
  /** Whether the kernel turns an Intel IOMMU on without `intel_iommu=on`. */
  readonly intelIommuDefaultOn: boolean;
  /** Domain type where no argument says it. */
  readonly defaultDomain: 'dma' | 'dma-lazy' | 'passthrough';
}

export interface MachinePciDevice {
  readonly address: string;
  readonly class: string;
  readonly vendor: string;
  readonly device: string;
  /** Driver that the kernel binds by itself. */
  readonly driver: string | null;
  /** IOMMU group where translation is on. */
  readonly group: number | null;
  readonly numaNode?: number;
  readonly bootVga?: boolean;
  /** Address of the bridge that it is behind. */
  readonly behind?: string;
  readonly subsystem?: { readonly vendor: string; readonly device: string };
  readonly revision?: string;
  readonly network?: MachineNetwork;
  /** Serial number of an NVMe controller. */
  readonly serial?: string;
  /** Name of its physical slot; that of function 0 counts for all of them. */
  readonly slot?: string;
  /** Methods by which it can be reset; absent: `flr bus`. */
  readonly resets?: readonly string[];
  readonly sriov?: MachineVirtualFunctions;
}

/** What goes on in a machine while it is up: writes to `/sys` have their effect. */
export interface Attached {
  /** The rest of its boot has ended: programs of udev's, units. */
  readonly ready: Promise<void>;
  detach(): void;
}

/** How a machine came up. */
export type Boot =
  | {
      readonly kind: 'up';
      readonly bootId: string;
      /** Lets a running machine do what needs processes. */
      readonly attach?: (cell: Cell) => Attached;
    }
  /** It did not: no default entry, no kernel image, a panic. The node stays silent. */
  | { readonly kind: 'dead'; readonly reason: string };

/**
 * The machine model, used by the lab's node. `root` is the node's file tree, in which the shell and the basic tools
 * (coreutils, grep, sed, awk, find, flock, setsid) are already in place.
 */
export interface MachineModel {
  /** Lays the machine's own files and stand-in tools into a fresh tree, as if installed and booted once. */
  furnish(root: string, kind: MachineKind, name: string): Promise<void>;
  /** Firmware, boot loader, kernel and service manager: recomputes `/proc`, `/sys` and the rest from what is on disk. */
  boot(root: string, kind: MachineKind): Promise<Boot>;
}

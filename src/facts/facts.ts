import type { HardwareFacts } from './hardware.ts';

/**
 * What one probe found on a host. `null` always means *unknown*: it could not be read (no right, no tool), and nobody
 * guesses. An empty list means that there is none.
 */
export interface Facts {
  readonly identity: {
    readonly hostname: string;
    /** `/etc/machine-id`. */
    readonly machineId: string | null;
    /** `/proc/sys/kernel/random/boot_id`: changes with every boot. */
    readonly bootId: string | null;
    /** The probe ran as root. */
    readonly root: boolean;
  };
  readonly os: {
    /** `ID` of `/etc/os-release`: `debian`, `ubuntu`, `centos`, `openEuler`. */
    readonly id: string;
    readonly idLike: readonly string[];
    readonly versionId: string | null;
    readonly prettyName: string;
  };
  /** `uname -m`. */
  readonly architecture: string;
  readonly cpu: {
    readonly vendor: 'intel' | 'amd' | 'hygon' | 'zhaoxin' | 'arm' | 'other' | null;
    /** `vendor_id` as the kernel prints it. */
    readonly vendorId: string | null;
    readonly model: string | null;
    readonly flags: readonly string[];
    /** Logical processors. */
    readonly count: number | null;
    /** The CPU says that a hypervisor is below it. */
    readonly hypervisor: boolean;
  };
  readonly memory: {
    readonly totalKiB: number | null;
    readonly availableKiB: number | null;
    readonly hugepages: readonly HugepagePool[];
  };
  readonly firmware: {
    readonly kind: 'uefi' | 'bios';
    readonly secureBoot: boolean | null;
    readonly lockdown: 'none' | 'integrity' | 'confidentiality' | null;
  };
  readonly kernel: {
    /** `uname -r`. */
    readonly running: string;
    /** Releases with a directory of modules and an image in `/boot`, newest first by the boot loader's order when known. */
    readonly installed: readonly string[];
    /** Release of the default boot entry. */
    readonly next: string | null;
  };
  readonly iommu: {
    /** The ACPI table by which firmware offers an IOMMU. `none`: tables were read, and there is none of them. */
    readonly firmware: 'DMAR' | 'IVRS' | 'IORT' | 'none' | null;
    /** Names in `/sys/class/iommu`: `dmar0`, `ivhd0`. */
    readonly units: readonly string[];
    readonly groups: readonly IommuGroup[];
    /** Interrupt remapping, from `/proc/interrupts` or the kernel log. */
    readonly interruptRemapping: boolean | null;
  };
  readonly boot: BootFacts;
  readonly modules: {
    /** Names from `/proc/modules`. */
    readonly loaded: readonly string[];
    /** State of the modules that passthrough is about; ask with `moduleState`. */
    readonly vfio: readonly ModuleFact[];
  };
  readonly pci: readonly PciDevice[];
  readonly guests: {
    /** Running QEMU processes. */
    readonly qemu: readonly { readonly pid: number; readonly name: string }[];
    /** Running libvirt domains; `null` where libvirt is not installed or does not answer. */
    readonly libvirt: readonly string[] | null;
  };
  readonly log: {
    /** Lines of the kernel log about IOMMU and VFIO, oldest first, at most 60; `null`: the log may not be read. */
    readonly lines: readonly string[] | null;
    /** Where they came from. */
    readonly source: 'journalctl' | 'dmesg' | null;
  };
  /** By what files the host was prepared before; `null` in facts that were captured before they were read. */
  readonly setup: {
    /**
     * Those of `/etc/modprobe.d` and the like, and of the Cloudpods installer, that can be read and are not empty; of its
     * host.conf only the lines that say which devices its agent takes.
     */
    readonly files: readonly SetupFile[];
    /** The shell of the host knows `==` in `[ … ]`, as bash does and dash does not. */
    readonly doubleEquals: boolean;
  } | null;
  /** Devices and what uses them; `null` in facts that were captured before they were read. */
  readonly hardware: HardwareFacts | null;
}

/** A file as it stands. */
export interface SetupFile {
  readonly path: string;
  readonly lines: readonly string[];
}

export interface HugepagePool {
  readonly sizeKiB: number;
  /** NUMA node; `null` is the sum over all nodes. */
  readonly node: number | null;
  readonly total: number;
  readonly free: number;
}

export interface IommuGroup {
  readonly id: number;
  /** Full addresses, sorted. */
  readonly devices: readonly string[];
}

export interface ModuleFact {
  /** With underscores: `vfio_iommu_type1`. */
  readonly name: string;
  /** For the running kernel: `loaded`, `builtin`, `available` (a file, not loaded) or `absent`. */
  readonly running: 'loaded' | 'builtin' | 'available' | 'absent' | null;
  /** For the kernel that will boot. */
  readonly next: 'builtin' | 'available' | 'absent' | null;
}

export interface PciDevice {
  /** Full address with domain: `0000:03:00.0`. */
  readonly address: string;
  /** Six hex digits: `030000`. */
  readonly class: string;
  /** Four hex digits each. */
  readonly vendor: string;
  readonly device: string;
  readonly driver: string | null;
  readonly driverOverride: string | null;
  readonly iommuGroup: number | null;
  /** `null` where the machine has none (-1). */
  readonly numaNode: number | null;
  readonly bootVga: boolean;
}

/** The families of boot loaders that are told apart. Only some can be written to; see `src/boot`. */
export type BootLoader =
  | 'update-grub'
  | 'grub2-mkconfig'
  | 'bls'
  | 'proxmox-boot-tool'
  | 'systemd-boot'
  | 'ostree'
  | 'unknown';

export interface BootEntry {
  readonly title: string;
  /** Release, taken from the image's name: `6.1.0-18-amd64`. */
  readonly kernel: string | null;
  /** Arguments as they stand in the entry; variables that the generated configuration itself sets are resolved. */
  readonly arguments: string;
  readonly default: boolean;
}

/** A place that sets kernel arguments, with the value as it stands there, quotes included. */
export interface ConfiguredPlace {
  readonly path: string;
  readonly variable: string;
  readonly value: string;
  /** It extends what comes before it: `+=`. */
  readonly append?: true;
}

export interface BootFacts {
  readonly loader: BootLoader;
  /** What the decision rests on, for people: `/usr/sbin/update-grub, /boot/grub/grub.cfg`. */
  readonly loaderEvidence: string;
  /** The generated configuration that the firmware's loader reads, when it could be found. */
  readonly configPath: string | null;
  /** Entries of it; `null` when it could not be read. */
  readonly entries: readonly BootEntry[] | null;
  /** `/proc/cmdline`, without the final newline. */
  readonly running: string;
  /** The configured source text: path and value of each place that sets arguments. */
  readonly configured: readonly ConfiguredPlace[] | null;
  readonly initramfs: 'dracut' | 'initramfs-tools' | 'mkinitcpio' | 'none';
}

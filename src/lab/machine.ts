/** What a lab node is, apart from its file tree: parsed from `machine.json` of a machine kind's folder. */
export interface MachineKind {
  /** Name of the folder: `debian-12-intel`. */
  readonly name: string;
  readonly folder: string;
  readonly settings: MachineSettings;
}

/** `machine.json`. The schema is in `machine-kind.ts`, which reads and validates it. */
export interface MachineSettings {
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
  };
  readonly cpu: {
    readonly vendorId: string;
    readonly model: string;
    readonly flags: readonly string[];
    readonly count: number;
  };
  readonly memoryKiB: number;
  readonly kernels: readonly MachineKernel[];
  /** The boot loader family whose stand-in tools and files the machine has. */
  readonly boot: { readonly loader: 'update-grub' | 'grub2-mkconfig'; readonly config: string };
  /** Kernel log: who may read it, and whether its early lines are gone. */
  readonly log: { readonly restricted: boolean; readonly wrapped: boolean };
  readonly pci: readonly MachinePciDevice[];
}

export interface MachineKernel {
  readonly release: string;
  /** Modules with a file under `/lib/modules/RELEASE`, with underscores. */
  readonly modules: readonly string[];
  readonly builtin: readonly string[];
  /** Whether the kernel turns an Intel IOMMU on without `intel_iommu=on`. */
  readonly intelIommuDefaultOn: boolean;
}

export interface MachinePciDevice {
  readonly address: string;
  readonly class: string;
  readonly vendor: string;
  readonly device: string;
  readonly driver: string | null;
  readonly group: number | null;
  readonly numaNode?: number;
  readonly bootVga?: boolean;
}

/** How a machine came up. */
export type Boot =
  | { readonly kind: 'up'; readonly bootId: string }
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

import type { MachineKernel, MachineSettings } from '../machine.ts';
import type { CommandLine } from './command-line.ts';
import type { EfiVariables } from './efi-variables.ts';
import type { Hugepages } from './hugepages.ts';
import type { Identity } from './identity.ts';
import type { Iommu } from './iommu.ts';
import type { RunningModules } from './running-modules.ts';

/** A machine that is up: everything that `/proc`, `/sys` and the logs are made from. */
export interface Running {
  readonly settings: MachineSettings;
  readonly identity: Identity;
  readonly hostname: string;
  readonly kernel: MachineKernel;
  readonly line: CommandLine;
  readonly iommu: Iommu;
  readonly modules: RunningModules;
  readonly hugepages: Hugepages;
  /** How many virtual functions there are, by the address of their physical one; they are among the devices of `settings`. */
  readonly functions: ReadonlyMap<string, number>;
  /** Physical functions whose virtual ones no driver is offered (`sriov_drivers_autoprobe`). */
  readonly unprobed: ReadonlySet<string>;
  /** EFI variables that the boot loader has set, or found. */
  readonly variables: EfiVariables;
  readonly bootId: string;
  readonly booted: Date;
}

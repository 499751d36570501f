import type { MachineKernel, MachinePciDevice, MachineSettings } from '../machine.ts';
import type { Initramfs } from './boot-images.ts';
import type { CommandLine } from './command-line.ts';
import type { InstallCommand } from './install-command.ts';
import { type ModuleConfiguration, unifyModule } from './module-configuration.ts';
import { ModuleState } from './module-state.ts';
import { moduleOfDriver } from './module-table.ts';
import { rulesOf } from './udev-files.ts';
import type { UdevRule } from './udev-rules.ts';

/** What the modules of a running kernel came to be. */
export interface RunningModules {
  /** Loaded modules, oldest first. */
  readonly loaded: readonly string[];
  /** Values of parameters that differ from where they start, by module. */
  readonly parameters: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Drivers by PCI address. */
  readonly bound: ReadonlyMap<string, string>;
  /** Drivers on the PCI bus, in the order in which they were registered. */
  readonly drivers: readonly string[];
  /** `driver_override` by PCI address. */
  readonly overrides: ReadonlyMap<string, string>;
  /** Ids that a driver was told of, `vendor:device`. */
  readonly known: ReadonlyMap<string, readonly string[]>;
  /** Programs that rules of udev want to be run (`RUN`), in order. */
  readonly programs: readonly string[];
  /** Kernel messages, with the moment of the boot that they belong to. */
  readonly log: readonly { readonly moment: Moment; readonly text: string }[];
  /** What systemd-modules-load said, in order; `null`: its conditions were not met, so that it did not run. */
  readonly service: { readonly lines: readonly string[]; readonly failed: boolean } | null;
}

export type Moment = 'built-in' | 'initramfs' | 'system';

export interface ModuleInput {
  readonly settings: MachineSettings;
  readonly kernel: MachineKernel;
  readonly initramfs: Initramfs;
  /** Of the kernel, which rules of udev may ask for. */
  readonly commandLine: CommandLine;
  readonly early: ModuleConfiguration;
  readonly late: ModuleConfiguration;
  /** For systemd-modules-load; `null`: no modules-load.d has a file, and no argument asks. */
  readonly wanted: readonly string[] | null;
  /** Rules of udev on the disk; those in the initramfs are with it. */
  readonly rules: readonly UdevRule[];
  /** Devices are translated: without that, vfio-pci takes none. */
  readonly translated: boolean;
  /** What a command of `install` lines does, by its text. */
  readonly commandOf: (command: string) => InstallCommand;
}

/**
 * Modules and drivers from the first initcall to the end of the boot: drivers that are built in; what the initramfs loads;
 * drivers for the devices that are there (udev's coldplug); systemd-modules-load last, though on a real machine it runs
 * beside the coldplug: who counts on its being first is wrong on some boots.
 */
export function startModules(input: ModuleInput): RunningModules {
  const state = new ModuleState(input);
  const { settings, kernel, initramfs, early, late } = input;
  state.enter('built-in', early);
  for (const name of kernel.builtin) state.start(name);
  state.enter('initramfs', early);
  for (const name of initramfs.load) state.load(unifyModule(name));
  const carried = new Set([...initramfs.add, ...initramfs.load].map(unifyModule));
  for (const name of storageModules(settings)) {
    carried.add(name);
    state.load(name);
  }
  const storage = (device: MachinePciDevice) => device.class.startsWith('01');
  state.coldplug(
    rulesOf(initramfs.rules).rules,
    (device) => storage(device) || carried.has(moduleOfDriver(device.driver ?? '')),
    (name) => carried.has(name),
  );
  state.enter('system', late);
  for (const name of processorModules(settings)) state.load(name);
  state.coldplug(
    input.rules,
    () => true,
    () => true,
  );
  for (const name of kernel.otherModules) state.loadUnlessBlacklisted(name);
  const service = input.wanted === null ? null : state.serve(input.wanted);
  const { loaded, parameters, bound, log, overrides, drivers, known, programs } = state;
  return { loaded, parameters, bound, log, overrides, drivers, known, programs, service };
}

function storageModules(settings: MachineSettings): readonly string[] {
  const types = settings.filesystems.map(({ type }) => type).filter((type) => /^(?:ext4|xfs|zfs)$/.test(type));
  const mapped = settings.filesystems.some(({ source }) => source.startsWith('/dev/mapper/'));
  return [...new Set([...types, ...(mapped ? ['dm_mod'] : [])])];
}

/** `kvm_amd` refuses a processor of another vendor that says `svm`, as QEMU's do (`cpu_has_svm()` of asm/virtext.h). */
function processorModules({ cpu }: MachineSettings): readonly string[] {
  if (cpu.flags.includes('vmx')) return ['kvm_intel'];
  return cpu.flags.includes('svm') && /AMD|Hygon/.test(cpu.vendorId) ? ['kvm_amd'] : [];
}

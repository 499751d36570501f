import type { MachineKernel, MachinePciDevice, MachineSettings } from '../machine.ts';
import type { Initramfs } from './boot-images.ts';
import type { CommandLine } from './command-line.ts';
import { type InstallCommand, overriddenBy } from './install-command.ts';
import { type ModuleConfiguration, unifyModule } from './module-configuration.ts';
import { moduleFacts, moduleOfDriver } from './module-table.ts';
import { takes } from './pci-match.ts';
import { applyUdevRules } from './udev-event.ts';
import { rulesOf } from './udev-files.ts';
import { pciUdevDevice } from './udev-pci.ts';
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

class ModuleState {
  readonly loaded: string[] = [];
  readonly parameters = new Map<string, ReadonlyMap<string, string>>();
  readonly bound = new Map<string, string>();
  readonly log: { moment: Moment; text: string }[] = [];
  readonly #kernel: MachineKernel;
  readonly #devices: readonly MachinePciDevice[];
  readonly #commandOf: ModuleInput['commandOf'];
  readonly drivers: string[] = [];
  /** Drivers by the address of the device that no other one may take. */
  readonly overrides = new Map<string, string>();
  readonly known = new Map<string, readonly string[]>();
  readonly programs: string[] = [];
  readonly #translated: boolean;
  readonly #commandLine: CommandLine;
  #moment: Moment = 'built-in';
  #configuration: ModuleConfiguration;

  constructor({ kernel, settings, early, commandOf, translated, commandLine }: ModuleInput) {
    this.#commandLine = commandLine;
    this.#translated = translated;
    this.#commandOf = commandOf;
    this.#kernel = kernel;
    this.#devices = settings.pci;
    this.#configuration = early;
  }

  enter(moment: Moment, configuration: ModuleConfiguration): void {
    this.#moment = moment;
    this.#configuration = configuration;
  }

  /** Loads a module with what it depends on, as libkmod does; false: the kernel has no such module. */
  load(name: string, visiting: ReadonlySet<string> = new Set()): boolean {
    if (this.#kernel.builtin.includes(name)) return true;
    if (!this.#kernel.modules.includes(name)) return false;
    if (this.loaded.includes(name) || visiting.has(name)) return true;
    const within = new Set([...visiting, name]);
    const command = this.#configuration.installs.get(name);
    if (command !== undefined && !this.#run(this.#commandOf(command))) return true;
    const { pre, post } = this.#configuration.softdeps.get(name) ?? { pre: [], post: [] };
    for (const other of pre) this.load(other, within);
    for (const other of moduleFacts(this.#kernel, name).depends.toReversed()) this.load(other, within);
    if (!this.loaded.includes(name)) this.#insert(name);
    for (const other of post) this.load(other, within);
    return true;
  }

  /** What is run in the place of loading; false: nothing is loaded. */
  #run(command: InstallCommand): boolean {
    if (command === 'override')
      for (const address of overriddenBy(this.#devices)) this.overrides.set(address, 'vfio-pci');
    return command !== 'nothing';
  }

  #insert(name: string): void {
    this.loaded.push(name);
    this.start(name);
  }

  /** The module's own init: its parameters, its message, its drivers. */
  start(name: string): void {
    const { log, drivers } = moduleFacts(this.#kernel, name);
    const options = this.#configuration.options.get(name) ?? new Map<string, string>();
    this.parameters.set(name, options);
    if (log !== null) this.#say(log);
    for (const driver of drivers) {
      // nouveau_drm_init() of drivers/gpu/drm/nouveau/nouveau_drm.c registers nothing then.
      if (driver === 'nouveau' && options.get('modeset') === '0') continue;
      if (!this.drivers.includes(driver)) this.drivers.push(driver);
      for (const device of this.#devices) this.#take(device, driver);
      if (driver === 'vfio-pci') this.#claim(options.get('ids') ?? '');
    }
  }

  /** `vfio_pci_fill_ids()` of drivers/vfio/pci/vfio_pci.c: devices with these ids that nobody has yet. */
  #claim(ids: string): void {
    for (const id of ids.split(',').filter((text) => text !== '')) {
      const [vendor = '', device = '', subvendor = 'ffffffff', subdevice = 'ffffffff'] = id.toLowerCase().split(':');
      this.#say(`vfio_pci: add [${vendor}:${device}[${subvendor}:${subdevice}]] class 0x000000/00000000`);
      this.known.set('vfio-pci', [...(this.known.get('vfio-pci') ?? []), `${vendor}:${device}`]);
      for (const item of this.#devices) {
        if (item.vendor === vendor && item.device === device) this.#take(item, 'vfio-pci', true);
      }
    }
  }

  /** `known`: the driver has the id of the device, beside those that it comes with. */
  #take(device: MachinePciDevice, driver: string, known = false): void {
    const override = this.overrides.get(device.address) ?? null;
    if (this.bound.has(device.address) || !takes({ device, driver, override, known, translated: this.#translated }))
      return;
    this.bound.set(device.address, driver);
  }

  /**
   * udev's events of the devices that are there: rules are read, then what they want to be run is run. 80-drivers.rules, whose
   * turn is among the first, loads the module of each device that has no driver, unless it is blacklisted. `which`: devices
   * whose module can be had. `has`: modules that can be.
   */
  coldplug(
    rules: readonly UdevRule[],
    which: (device: MachinePciDevice) => boolean,
    has: (module: string) => boolean,
  ): void {
    for (const device of this.#devices) {
      const { address } = device;
      const place = { pci: this.#devices, commandLine: this.#commandLine };
      const event = pciUdevDevice('add', device, place, this.bound.get(address) ?? null);
      const { written, run } = applyUdevRules(rules, event);
      const override = written.get('driver_override');
      if (override !== undefined) {
        if (override === '') this.overrides.delete(address);
        else this.overrides.set(address, override);
      }
      if (device.driver !== null && !this.bound.has(address) && which(device))
        this.loadUnlessBlacklisted(moduleOfDriver(device.driver));
      for (const { kind, command } of run) {
        if (kind === 'program') this.programs.push(command);
        else this.#builtin(command, has);
      }
    }
  }

  /** `kmod load NAME` is the one that matters here. */
  #builtin(command: string, has: (module: string) => boolean): void {
    const [program, act, ...names] = command.split(/\s+/);
    if (program !== 'kmod' || act !== 'load') return;
    for (const name of names.map(unifyModule)) if (has(name)) this.loadUnlessBlacklisted(name);
  }

  loadUnlessBlacklisted(name: string): void {
    if (!this.#configuration.blacklist.has(name)) this.load(name);
  }

  /** systemd-modules-load(8); texts of src/shared/module-util.c of systemd. */
  serve(wanted: readonly string[]): { lines: readonly string[]; failed: boolean } {
    const lines: string[] = [];
    let failed = false;
    for (const name of wanted) {
      const module = unifyModule(name);
      const before = this.loaded.includes(module) || this.#kernel.builtin.includes(module);
      if (this.#configuration.blacklist.has(module)) lines.push(`Module '${module}' is deny-listed`);
      else if (!this.load(module)) {
        lines.push(`Failed to find module '${name}'`);
        failed = true;
      } else if (!before) lines.push(`Inserted module '${module}'`);
    }
    return { lines, failed };
  }

  #say(text: string): void {
    this.log.push({ moment: this.#moment, text });
  }
}

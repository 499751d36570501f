import type { MachineKernel, MachinePciDevice } from '../machine.ts';
import type { CommandLine } from './command-line.ts';
import { type InstallCommand, overriddenBy } from './install-command.ts';
import { type ModuleConfiguration, unifyModule } from './module-configuration.ts';
import { moduleFacts, moduleOfDriver } from './module-table.ts';
import { takes } from './pci-match.ts';
import type { ModuleInput, Moment } from './running-modules.ts';
import { applyUdevRules } from './udev-event.ts';
import { pciUdevDevice } from './udev-pci.ts';
import type { UdevRule } from './udev-rules.ts';

/** Modules and drivers of a kernel while it boots. */
export class ModuleState {
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

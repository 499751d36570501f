import { type FSWatcher, readdirSync, readlinkSync, rmdirSync, watch } from 'node:fs';
import path from 'node:path';
import type { Cell } from '../cell.ts';
import { busLayout, difference } from './bus-layout.ts';
import { type Disk, openDisk } from './disk.ts';
import { resolveInside } from './inside.ts';
import { folder, type Layout, merge } from './layout.ts';
import { logLine } from './log-line.ts';
import { moduleFacts, moduleOfDriver } from './module-table.ts';
import { override, type Turn } from './pci-bus.ts';
import { pciPath } from './pci-paths.ts';
import type { Running } from './running.ts';
import { serialLayout } from './sys-serial.ts';
import { poolFolders, written } from './sysfs-effects.ts';
import { takeWrite } from './sysfs-file.ts';
import { applyUdevRules } from './udev-event.ts';
import { rulesOf, udevFiles } from './udev-files.ts';
import { pciUdevDevice } from './udev-pci.ts';
import { terminalRecords } from './udev-terminals.ts';
import { announceUsb, usbNodes } from './usb-nodes.ts';

const bus = '/sys/bus/pci';

/** What `udevadm trigger` asks for, a file each. */
const requests = '/run/lab/udev';

/** Files that are read, too. */
const attributes = new Set(['driver_override', 'sriov_numvfs', 'sriov_drivers_autoprobe', 'nr_hugepages']);

/** Files that are only written to: they are empty but for a moment. */
const triggers = new Set(['bind', 'unbind', 'new_id', 'drivers_probe']);

/**
 * Obeys writes to the files of the PCI bus. They are plain files, which are watched: what was written takes effect a moment after
 * the write has returned, and a write that the kernel would refuse does not fail, but leaves a line in the kernel log and the file
 * as it was. Of two writes to one file in the same moment, the last one counts.
 */
export class SysfsWrites {
  readonly #cell: Cell;
  readonly #root: string;
  readonly #disk: Disk;
  /** `/dev` is another one where nodes have mounts of their own. */
  readonly #view: Disk;
  readonly #run: (command: string) => Promise<void>;
  readonly #watchers = new Map<string, FSWatcher | null>();
  #running: Running;
  #layout: Layout;
  #timer: NodeJS.Timeout | null = null;
  #programs: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(cell: Cell, running: Running, run: (command: string) => Promise<void>) {
    this.#cell = cell;
    this.#root = cell.root;
    this.#disk = openDisk(cell.root);
    this.#view = openDisk(cell.view);
    this.#run = run;
    this.#running = running;
    this.#layout = busLayout(running);
    this.#disk.lay(new Map([[requests, folder()]]));
    this.#view.lay(usbNodes(this.#layout));
    this.#announceUsb('add');
    this.#watchAll();
  }

  /** Obeys what was written, and resolves when what follows from it has ended. */
  async settle(): Promise<void> {
    for (let last: Promise<void> | null = null; last !== this.#programs; ) {
      this.#sweep();
      last = this.#programs;
      await last;
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers.values()) watcher?.close();
    this.#watchers.clear();
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Looks at everything: unbinding comes first, as scripts have it. */
  #sweep(): void {
    if (this.#closed) return;
    this.#serve();
    this.#adopt();
    for (const folder of this.#folders())
      for (const name of ['driver_override', 'unbind', 'new_id', 'sriov_drivers_autoprobe']) this.#look(folder, name);
    for (const folder of this.#folders())
      for (const name of ['bind', 'drivers_probe', 'sriov_numvfs', 'nr_hugepages']) this.#look(folder, name);
  }

  #folders(): readonly string[] {
    const { settings, modules } = this.#running;
    const drivers = [...new Set([...modules.drivers, ...modules.bound.values()])];
    return [
      requests,
      bus,
      `${bus}/drivers`,
      ...drivers.map((driver) => `${bus}/drivers/${driver}`),
      ...poolFolders(this.#running),
      ...settings.pci.map(({ address }) => pciPath(settings.pci, address)),
    ];
  }

  /** Gives the folders that were not watched before. */
  #watchAll(): readonly string[] {
    const wanted = new Set(this.#folders());
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher?.close();
      this.#watchers.delete(folder);
    }
    const fresh = [...wanted].filter((folder) => !this.#watchers.has(folder));
    for (const folder of fresh) this.#watchers.set(folder, this.#watch(folder));
    return fresh;
  }

  /** `null`: watches are used up. All is then looked at five times a second. */
  #watch(folder: string): FSWatcher | null {
    try {
      const watcher = watch(path.join(this.#root, folder), (_event, name) => this.#notice(folder, name));
      watcher.on('error', () => {});
      return watcher;
    } catch {
      this.#timer ??= setInterval(() => this.#sweep(), 200);
      return null;
    }
  }

  #notice(folder: string, name: string | null): void {
    if (this.#closed) return;
    if (name === null) this.#sweep();
    else if (folder === requests) this.#serve();
    else if (folder === `${bus}/drivers`) this.#renew(`${folder}/${name}`);
    else if (name === 'driver') this.#adopt();
    else this.#look(folder, name);
  }

  /** Events that were asked for: `ACTION [SUBSYSTEM ...] [name=NAME ...]`. Those of PCI, USB and serial ports come to something here. */
  #serve(): void {
    for (const name of this.#disk.list(requests).filter((item) => item.startsWith('trigger.'))) {
      const [action = '', ...words] = (this.#disk.read(`${requests}/${name}`) ?? '').trim().split(' ');
      const names = words.flatMap((word) => /^name=(.*)$/.exec(word)?.[1] ?? []);
      const subsystems = words.filter((word) => !word.startsWith('name='));
      const isAsked = (subsystem: string) => subsystems.length === 0 || subsystems.includes(subsystem);
      if (action === 'add' && isAsked('pci'))
        for (const { address } of this.#running.settings.pci)
          if (names.length === 0 || names.includes(address)) this.#announce(address);
      if (isAsked('usb')) this.#announceUsb(action, names);
      if (isAsked('tty')) this.#nameTerminals(action);
      this.#programs = this.#programs.then(() => this.#disk.remove(`${requests}/${name}`));
    }
  }

  #announceUsb(action: string, names: readonly string[] = []): void {
    const { rules } = rulesOf(udevFiles(this.#disk));
    announceUsb(this.#cell, this.#disk, this.#layout, { rules, action, names });
  }

  #nameTerminals(action: string): void {
    const { rules } = rulesOf(udevFiles(this.#disk));
    const layout = merge([this.#layout, serialLayout(this.#running)]);
    const records = terminalRecords(layout, this.#running.settings, rules, action);
    // A port that has lost its only name has no record any more.
    for (const path of this.#disk.list('/run/udev/data').map((name) => `/run/udev/data/${name}`))
      if (path.includes('/c4:') && !records.has(path)) this.#disk.remove(path);
    this.#disk.lay(records);
  }

  /** The folder of a driver, which may be another one of the same name. */
  #renew(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
    this.#adopt();
    this.#watchAll();
  }

  /** Obeys a write to a file, if there was one. */
  #look(folder: string, name: string): void {
    const file = `${folder}/${name}`;
    if (triggers.has(name)) {
      const text = takeWrite(this.#root, file).trim();
      if (text !== '') this.#obey((running) => written(running, folder, name, text));
      return;
    }
    const entry = this.#layout.get(file);
    if (entry?.kind !== 'file' || !attributes.has(name)) return;
    const text = this.#disk.read(file);
    // Empty while it is being written.
    if (text === null || text === '' || text === entry.content) return;
    this.#obey((running) => written(running, folder, name, text.trim()), { file, text });
  }

  #obey(step: (running: Running) => Turn | null, write: Write | null = null): void {
    const turn = step(this.#running) ?? { running: this.#running, log: [], added: [] };
    for (const line of turn.log) logLine(this.#root, this.#disk, line);
    this.#become(turn.running, write);
    for (const address of turn.added) this.#announce(address);
  }

  /**
   * Lays what differs. The file that was written to comes first, and tells what the kernel would: what was refused is gone, what
   * was taken is in its form. A script that waits for an effect may write again as soon as it sees a part of it: what it has
   * written by then is left alone, and obeyed in its turn.
   */
  #become(running: Running, write: Write | null = null): void {
    const before = this.#layout;
    const layout = busLayout(running);
    const { laid, gone } = difference(before, layout);
    this.#running = running;
    this.#layout = layout;
    if (write !== null) this.#tell(write.file, write.text, layout);
    const fresh = [...laid].filter(([name]) => !this.#isWritten(name, before));
    const isDevice = (name: string) => name.startsWith('/dev/');
    for (const name of gone.toSorted(lastSeen)) {
      (isDevice(name) ? this.#view : this.#disk).remove(name);
      this.#removeEmpty(path.posix.dirname(name), layout);
    }
    this.#view.lay(new Map(fresh.filter(([name]) => isDevice(name))));
    if (fresh.some(([name]) => name.startsWith('/dev/bus/usb/'))) this.#announceUsb('add');
    const others = fresh.filter(([name]) => !isDevice(name));
    this.#disk.lay(new Map(others.toSorted(([a], [b]) => lastSeen(a, b))));
    // What was written to what is new before it was watched.
    for (const folder of this.#watchAll()) for (const name of [...attributes, ...triggers]) this.#look(folder, name);
  }

  /** Puts what a layout has into a file that holds a text still. */
  #tell(file: string, text: string, layout: Layout): void {
    const told = layout.get(file);
    if (told?.kind !== 'file' || told.content === text) return;
    if (this.#disk.read(file) === text) this.#disk.overwrite(file, String(told.content));
  }

  /** Whether a file is told already, as one that a script has written to; else it is told now, before all that is to be seen. */
  #isWritten(file: string, before: Layout): boolean {
    const name = path.posix.basename(file);
    if (triggers.has(name)) return this.#disk.read(file) !== null;
    const was = before.get(file);
    if (!attributes.has(name) || was?.kind !== 'file') return false;
    this.#tell(file, String(was.content), this.#layout);
    return this.#disk.read(file) !== null;
  }

  /** Folders that held nothing else. */
  #removeEmpty(folder: string, layout: Layout): void {
    if (layout.has(folder) || !/^\/sys\/.+\//.test(folder)) return;
    const at = resolveInside(this.#root, folder, false);
    try {
      if (at === null || readdirSync(at).length > 0) return;
      rmdirSync(at);
    } catch {
      return;
    }
    this.#removeEmpty(path.posix.dirname(folder), layout);
  }

  /** Takes over what tools have done: modprobe registers drivers, and binds and unbinds what they find. */
  #adopt(): void {
    const { modules, settings, kernel } = this.#running;
    const present = this.#disk.list(`${bus}/drivers`);
    const known = modules.drivers.filter((driver) => present.includes(driver));
    const drivers = [...known, ...present.filter((driver) => !known.includes(driver))];
    const bound = new Map<string, string>();
    for (const { address } of settings.pci) {
      const driver = this.#driverOf(pciPath(settings.pci, address));
      if (driver !== null) bound.set(address, driver);
    }
    const loaded = (this.#disk.read('/proc/modules') ?? '').split('\n').flatMap((line) => line.split(' ')[0] || []);
    const same = alike(modules.bound, bound) && drivers.join() === modules.drivers.join();
    if (same) return;
    const builtin = kernel.builtin.flatMap((name) => moduleFacts(kernel, name).drivers);
    const next = { ...modules, bound, drivers: [...new Set([...drivers, ...builtin])], loaded: loaded.reverse() };
    this.#become({ ...this.#running, modules: next });
    // What was written before the new folders were watched.
    this.#sweep();
  }

  #driverOf(folder: string): string | null {
    try {
      return path.basename(readlinkSync(path.join(this.#root, folder, 'driver')));
    } catch {
      return null;
    }
  }

  /** udev's event of a new device: rules, the module of its own driver, programs. */
  #announce(address: string): void {
    const device = this.#running.settings.pci.find((item) => item.address === address);
    if (device === undefined) return;
    const driver = this.#running.modules.bound.get(address) ?? null;
    // udevd reads them anew where they have changed.
    const { rules } = rulesOf(udevFiles(this.#disk));
    const place = { pci: this.#running.settings.pci, commandLine: this.#running.line };
    const { written: attributes, run } = applyUdevRules(rules, pciUdevDevice('add', device, place, driver));
    const wish = attributes.get('driver_override');
    if (wish !== undefined) this.#obey((running) => override(running, address, wish));
    const module = device.driver === null ? null : moduleOfDriver(device.driver);
    const commands = [
      ...(driver === null && module !== null ? [`modprobe -qb ${module}`] : []),
      ...run.map(({ kind, command }) =>
        kind === 'program' ? command : command.replace(/^kmod load/, 'modprobe -qab'),
      ),
    ];
    for (const command of commands)
      this.#programs = this.#programs.then(() => (this.#closed ? undefined : this.#run(command)));
  }
}

/** Puts the links last that scripts wait for: when one comes or goes, the rest has come or gone. */
function lastSeen(a: string, b: string): number {
  const isAwaited = (name: string) => /\/(?:driver|virtfn\d+)$/.test(name);
  return Number(isAwaited(a)) - Number(isAwaited(b));
}

/** What a script has written into a file. */
interface Write {
  readonly file: string;
  readonly text: string;
}

function alike(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

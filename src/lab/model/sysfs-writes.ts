import type { Cell } from '../cell.ts';
import { busLayout } from './bus-layout.ts';
import { type Disk, openDisk } from './disk.ts';
import type { Layout } from './layout.ts';
import { logLine } from './log-line.ts';
import { override, type Turn } from './pci-bus.ts';
import { pciPath } from './pci-paths.ts';
import type { Running } from './running.ts';
import { adoptDrivers } from './sysfs-drivers.ts';
import { poolFolders, written } from './sysfs-effects.ts';
import { takeWrite } from './sysfs-file.ts';
import { attributes, layTurn, type SysfsPlace, triggers, type Write } from './sysfs-turn.ts';
import { SysfsWatch } from './sysfs-watch.ts';
import { requests, Udevd } from './udevd.ts';
import { usbNodes } from './usb-nodes.ts';

const bus = '/sys/bus/pci';

/**
 * Obeys writes to the files of the PCI bus. They are plain files, which are watched: what was written takes effect a moment after
 * the write has returned, and a write that the kernel would refuse does not fail, but leaves a line in the kernel log and the file
 * as it was. Of two writes to one file in the same moment, the last one counts.
 */
export class SysfsWrites {
  readonly #root: string;
  readonly #disk: Disk;
  readonly #place: SysfsPlace;
  readonly #watch: SysfsWatch;
  readonly #udevd: Udevd;
  #running: Running;
  #layout: Layout;
  #closed = false;

  constructor(cell: Cell, running: Running, run: (command: string) => Promise<void>) {
    this.#root = cell.root;
    this.#disk = openDisk(cell.root);
    this.#running = running;
    this.#layout = busLayout(running);
    this.#udevd = new Udevd(cell, this.#disk, {
      kernel: () => ({ running: this.#running, layout: this.#layout }),
      override: (address, driver) => this.#obey((before) => override(before, address, driver)),
      run,
    });
    const view = openDisk(cell.view);
    this.#place = { root: this.#root, disk: this.#disk, view, devicesLaid: (names) => this.#announceNodes(names) };
    view.lay(usbNodes(this.#layout));
    this.#udevd.announceUsb('add');
    this.#watch = new SysfsWatch(this.#root, {
      notice: (folder, name) => this.#notice(folder, name),
      sweep: () => this.#sweep(),
    });
    this.#watch.cover(this.#folders());
  }

  /** Obeys what was written, and resolves when what follows from it has ended. */
  async settle(): Promise<void> {
    for (let last: Promise<void> | null = null; last !== this.#udevd.programs; ) {
      this.#sweep();
      last = this.#udevd.programs;
      await last;
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    this.#udevd.close();
    this.#watch.close();
  }

  /** Looks at everything: unbinding comes first, as scripts have it. */
  #sweep(): void {
    if (this.#closed) return;
    this.#udevd.serve();
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

  #notice(folder: string, name: string): void {
    if (this.#closed) return;
    if (folder === requests) this.#udevd.serve();
    else if (folder === `${bus}/drivers`) this.#renew(`${folder}/${name}`);
    else if (name === 'driver') this.#adopt();
    else this.#look(folder, name);
  }

  /** The folder of a driver, which may be another one of the same name. */
  #renew(folder: string): void {
    this.#watch.forget(folder);
    this.#adopt();
    this.#watch.cover(this.#folders());
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
    for (const address of turn.added) this.#udevd.announce(address);
  }

  #become(running: Running, write: Write | null = null): void {
    const before = this.#layout;
    this.#running = running;
    this.#layout = busLayout(running);
    layTurn(this.#place, before, this.#layout, write);
    // What was written to what is new before it was watched.
    for (const folder of this.#watch.cover(this.#folders()))
      for (const name of [...attributes, ...triggers]) this.#look(folder, name);
  }

  #announceNodes(names: readonly string[]): void {
    if (names.some((name) => name.startsWith('/dev/bus/usb/'))) this.#udevd.announceUsb('add');
  }

  #adopt(): void {
    const next = adoptDrivers(this.#running, this.#disk, this.#root);
    if (next === null) return;
    this.#become(next);
    // What was written before the new folders were watched.
    this.#sweep();
  }
}

import type { Cell } from '../cell.ts';
import type { Disk } from './disk.ts';
import { folder, type Layout, merge } from './layout.ts';
import { moduleOfDriver } from './module-table.ts';
import type { Running } from './running.ts';
import { serialLayout } from './sys-serial.ts';
import { applyUdevRules } from './udev-event.ts';
import { rulesOf, udevFiles } from './udev-files.ts';
import { pciUdevDevice } from './udev-pci.ts';
import type { UdevRule } from './udev-rules.ts';
import { terminalRecords } from './udev-terminals.ts';
import { announceUsb } from './usb-nodes.ts';

/** Where `udevadm trigger` leaves what it asks for, a file each. */
export const requests = '/run/lab/udev';

/** What udevd knows of the node, and does to it. */
export interface UdevdWork {
  /** The kernel as it is at that moment. */
  readonly kernel: () => { readonly running: Running; readonly layout: Layout };
  /** Writes `driver_override` of a PCI device. */
  readonly override: (address: string, driver: string) => void;
  readonly run: (command: string) => Promise<void>;
}

/** udevd as it runs on a node: events of devices, and what rules make of them. Programs are run one after the other. */
export class Udevd {
  readonly #cell: Cell;
  readonly #disk: Disk;
  readonly #work: UdevdWork;
  #programs: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(cell: Cell, disk: Disk, work: UdevdWork) {
    this.#cell = cell;
    this.#disk = disk;
    this.#work = work;
    disk.lay(new Map([[requests, folder()]]));
  }

  /** Ends when all programs have ended that rules have asked for until now. */
  get programs(): Promise<void> {
    return this.#programs;
  }

  close(): void {
    this.#closed = true;
  }

  /** Events that were asked for: `ACTION [SUBSYSTEM ...] [name=NAME ...]`. Those of PCI, USB and serial ports come to something here. */
  serve(): void {
    for (const name of this.#disk.list(requests).filter((item) => item.startsWith('trigger.'))) {
      const [action = '', ...words] = (this.#disk.read(`${requests}/${name}`) ?? '').trim().split(' ');
      const names = words.flatMap((word) => /^name=(.*)$/.exec(word)?.[1] ?? []);
      const subsystems = words.filter((word) => !word.startsWith('name='));
      const isAsked = (subsystem: string) => subsystems.length === 0 || subsystems.includes(subsystem);
      if (action === 'add' && isAsked('pci'))
        for (const { address } of this.#work.kernel().running.settings.pci)
          if (names.length === 0 || names.includes(address)) this.announce(address);
      if (isAsked('usb')) this.announceUsb(action, names);
      if (isAsked('tty')) this.#nameTerminals(action);
      this.#programs = this.#programs.then(() => this.#disk.remove(`${requests}/${name}`));
    }
  }

  /** The event of a new PCI device: rules, the module of its own driver, programs. */
  announce(address: string): void {
    const { running } = this.#work.kernel();
    const device = running.settings.pci.find((item) => item.address === address);
    if (device === undefined) return;
    const driver = running.modules.bound.get(address) ?? null;
    const place = { pci: running.settings.pci, commandLine: running.line };
    const { written, run } = applyUdevRules(this.#rules(), pciUdevDevice('add', device, place, driver));
    const wish = written.get('driver_override');
    if (wish !== undefined) this.#work.override(address, wish);
    const module = device.driver === null ? null : moduleOfDriver(device.driver);
    const commands = [
      ...(driver === null && module !== null ? [`modprobe -qb ${module}`] : []),
      ...run.map(({ kind, command }) =>
        kind === 'program' ? command : command.replace(/^kmod load/, 'modprobe -qab'),
      ),
    ];
    for (const command of commands)
      this.#programs = this.#programs.then(() => (this.#closed ? undefined : this.#work.run(command)));
  }

  /** Events of USB devices, of all or of those with these names. */
  announceUsb(action: string, names: readonly string[] = []): void {
    announceUsb(this.#cell, this.#disk, this.#work.kernel().layout, { rules: this.#rules(), action, names });
  }

  #nameTerminals(action: string): void {
    const { running, layout } = this.#work.kernel();
    const ports = merge([layout, serialLayout(running)]);
    const records = terminalRecords(ports, running.settings, this.#rules(), action);
    // A port that has lost its only name has no record any more.
    for (const path of this.#disk.list('/run/udev/data').map((name) => `/run/udev/data/${name}`))
      if (path.includes('/c4:') && !records.has(path)) this.#disk.remove(path);
    this.#disk.lay(records);
  }

  /** It reads them anew where they have changed. */
  #rules(): readonly UdevRule[] {
    return rulesOf(udevFiles(this.#disk)).rules;
  }
}

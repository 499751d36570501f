import type { HostFault } from './fault.ts';
import { bootedArguments, firstFiles } from './grub.ts';
import { createLock, type HostLock } from './host-lock.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A file on a host's disk. */
export interface DiskFile {
  readonly text: string;
  readonly mode: string;
  readonly owner: string;
}

/** Who asked for a boot. */
export type BootCause = 'asked' | 'by-hand' | 'power-cut' | 'crash';

/** The file of a lease. */
export interface StoredLease {
  readonly run: string;
  readonly who: string;
  readonly process: string;
  readonly boot: string;
  /** Seconds of up-time. */
  readonly until: number;
  /** Seconds of the next boot's up-time. */
  readonly back: number;
}

const grubConfig = '/boot/grub/grub.cfg';

/**
 * A host as far as a rollout sees it: files on a disk, what runs, a lock, power. It stores what scripts write and answers what
 * scripts read; it knows nothing of what the program means by it.
 */
export class Machine {
  readonly name: string;
  readonly time: VirtualTime;
  faults: readonly HostFault[];
  readonly files = new Map<string, DiskFile>(firstFiles());
  power: 'up' | 'down' = 'up';
  /** One for each time that it was switched on: what runs ends with it. */
  generation = 0;
  arguments: string;
  readonly modules = new Set(['kvm', 'kvm_intel', 'ext4']);
  /** What the initramfs has of `/etc/modprobe.d`, as it was when it was built. */
  initramfs = '';
  lock: HostLock;
  /** Jobs that run now, by their folder: they outlive a connection, and no power cut. */
  readonly jobs = new Map<string, Promise<void>>();
  /** Those of them that are at work. */
  readonly working = new Set<string>();
  /** Who is at work on it, as its disk says. */
  lease: StoredLease | null = null;
  /** Run that has taken it out of service; `null`: it is in service. */
  drainedBy: string | null = null;
  /** How often a hook has ended badly. */
  failedHooks = 0;
  /** When it was last switched on. */
  bootedAt = -1_000_000;
  readonly boots: BootCause[] = [];
  /** Scripts that were started on it. */
  execs = 0;
  /** Reboots that were asked for and have not happened. */
  ignored = 0;
  failedJobs = 0;
  /** Faults that have shown themselves. */
  readonly seen = new Set<string>();
  readonly #downs = new Set<(cause: BootCause) => void>();

  constructor(name: string, time: VirtualTime, faults: readonly HostFault[]) {
    this.name = name;
    this.time = time;
    this.faults = faults;
    this.lock = createLock(time);
    this.arguments = bootedArguments(this.#configuration());
    for (const fault of faults) this.#arrange(fault);
  }

  get bootId(): string {
    const digits = [...`${this.name}`].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) >>> 0, 7);
    return `${digits.toString(16).padStart(8, '0')}-0000-4000-8000-${this.generation.toString(16).padStart(12, '0')}`;
  }

  fault<Kind extends HostFault['kind']>(kind: Kind): Extract<HostFault, { kind: Kind }> | undefined {
    return this.faults.find((fault): fault is Extract<HostFault, { kind: Kind }> => fault.kind === kind);
  }

  /** A fault that shows itself now. */
  notice(fault: HostFault): void {
    this.seen.add(fault.kind);
  }

  /** Whether a log-in is answered. */
  get answers(): boolean {
    const away = this.power === 'up' ? this.#cutOff : undefined;
    if (away !== undefined) this.notice(away);
    return this.serves;
  }

  /** Whether it is there for whoever needs it. */
  get serves(): boolean {
    return this.power === 'up' && this.#cutOff === undefined;
  }

  get #cutOff(): HostFault | undefined {
    const { now } = this.time;
    return this.faults.find(
      (fault) => fault.kind === 'unreachable' && now >= fault.from && (fault.until === null || now < fault.until),
    );
  }

  /** Is told when the power goes. */
  onDown(listener: (cause: BootCause) => void): () => void {
    this.#downs.add(listener);
    return () => this.#downs.delete(listener);
  }

  /** Time that a process on the host takes. It never goes on when the host went down meanwhile. */
  async spend(milliseconds: number): Promise<void> {
    const generation = this.generation;
    await this.time.sleep(milliseconds);
    if (this.generation !== generation || this.power === 'down') await new Promise(() => {});
  }

  /** Whole seconds since it was switched on. */
  get uptime(): number {
    return Math.floor((this.time.now - this.bootedAt) / 1_000);
  }

  /** Everything that runs ends; it is up again after a while, unless it never is. */
  goDown(cause: BootCause, stays = false): void {
    if (this.power === 'down') return;
    this.power = 'down';
    this.generation += 1;
    this.lock = createLock(this.time);
    this.jobs.clear();
    this.working.clear();
    for (const tell of [...this.#downs]) tell(cause);
    if (stays) return;
    const lost = cause === 'power-cut' || cause === 'crash' ? undefined : this.fault('lost');
    if (lost !== undefined) {
      this.notice(lost);
      this.boots.push(cause);
      return;
    }
    const slow = this.fault('slow-boot');
    if (slow !== undefined) this.notice(slow);
    this.time.after(slow?.milliseconds ?? 40_000, () => this.#boot(cause));
  }

  /** The controller has died: its power may be the same. */
  fallWithController(): void {
    const fault = this.fault('falls-with-controller');
    if (fault === undefined || this.power === 'down' || this.seen.has(fault.kind)) return;
    this.notice(fault);
    this.goDown('power-cut', !fault.back);
  }

  #boot(cause: BootCause): void {
    if (this.power === 'up') return;
    const old = this.fault('old-arguments');
    if (old === undefined) this.arguments = bootedArguments(this.#configuration());
    else this.notice(old);
    this.modules.clear();
    for (const module of ['kvm', 'kvm_intel', 'ext4', ...this.modulesToLoad()]) this.modules.add(module);
    this.boots.push(cause);
    this.bootedAt = this.time.now;
    this.power = 'up';
  }

  /** Somebody has mended all that was wrong with it, and switched it on where it was off. */
  heal(): void {
    const wrong = this.power === 'down' || this.fault('old-arguments') !== undefined;
    this.faults = [];
    if (!wrong) return;
    if (this.power === 'up') this.goDown('by-hand');
    else this.#boot('by-hand');
  }

  /** Options of modules, as they stand on the disk. */
  get moduleOptions(): string {
    return [...this.files]
      .filter(([path]) => path.startsWith('/etc/modprobe.d/'))
      .map(([path, { text }]) => `${path}: ${text}`)
      .join('');
  }

  /** Lines of the files that systemd-modules-load reads. */
  modulesToLoad(): readonly string[] {
    return [...this.files]
      .filter(([path]) => /^\/etc\/modules-load\.d\/.*\.conf$/.test(path))
      .flatMap(([, { text }]) => text.split('\n').filter((line) => /^\w/.test(line)));
  }

  #configuration(): string {
    return this.files.get(grubConfig)?.text ?? '';
  }

  #arrange(fault: HostFault): void {
    if (fault.kind === 'foreign-reboot')
      this.time.after(fault.at, () => {
        if (this.power === 'up') {
          this.notice(fault);
          this.goDown('by-hand');
        }
      });
    if (fault.kind === 'foreign-lock')
      this.time.after(fault.from, () => {
        this.notice(fault);
        void this.lock.take(null).then((release) => release && this.time.after(fault.milliseconds, release));
      });
  }
}

import type { Stamped } from '../../src/events/event.ts';
import type { JournalFile } from '../../src/events/journal.ts';
import { headerLine, isWhole, parseLine } from '../../src/events/journal-line.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A journal's file on a disk that keeps for certain only what was synced. */
export class MemoryJournal implements JournalFile {
  readonly #time: VirtualTime;
  #synced: string;
  #written = '';
  /** Lines that are on the disk, beside the header. */
  #count: number;
  #dead = false;
  /** Acts that were announced, and are on disk, in this part of the run: `write-intent node01`. */
  readonly announced = new Set<string>();
  /** Called when a line is on the disk, with how many there are. */
  onLine: (count: number) => void = () => {};

  constructor(time: VirtualTime, before: string = headerLine) {
    this.#time = time;
    this.#synced = before;
    this.#count = before.split('\n').length - 2;
  }

  async appendFile(text: string): Promise<void> {
    await this.#spend(1);
    for (const line of text.split(/(?<=\n)/)) {
      if (this.#dead) break;
      this.#written += line;
      this.#count += 1;
      this.onLine(this.#count);
    }
    if (this.#dead) await new Promise(() => {});
  }

  async datasync(): Promise<void> {
    const text = this.#written;
    await this.#spend(4);
    this.#written = this.#written.slice(text.length);
    this.#synced += text;
    for (const [, type, host, rest = ''] of text.matchAll(
      /"type":"(host-started|write-intent|effect-intent|hook-intent)","host":"([^"]+)"(.{0,30})/g,
    )) {
      this.announced.add(`${type} ${host}`);
      if (rest.includes('"kind":"reboot"')) this.announced.add(`reboot ${host}`);
      const hook = /"hook":"(\w+)"/.exec(rest)?.[1];
      if (hook !== undefined) this.announced.add(`${hook} ${host}`);
    }
  }

  async close(): Promise<void> {}

  /** The machine of the controller dies; so much of what was not synced may be there all the same. */
  crash(share: number): void {
    this.#dead = true;
    this.#synced += this.#written.slice(0, Math.floor(this.#written.length * share));
  }

  /** What a reader finds: whole lines, as `readJournal` takes them. */
  get lines(): readonly string[] {
    const [, ...lines] = this.#synced.split('\n');
    const last = lines.pop() ?? '';
    return isWhole(Buffer.from(last)) ? [...lines, last] : lines;
  }

  get events(): readonly Stamped[] {
    return this.lines.map((line, index) => parseLine(Buffer.from(line), `journal:${index + 2}`));
  }

  /** The file with which a resumed run goes on. */
  continued(): MemoryJournal {
    return new MemoryJournal(this.#time, [headerLine.trimEnd(), ...this.lines, ''].join('\n'));
  }

  async #spend(milliseconds: number): Promise<void> {
    await this.#time.sleep(milliseconds);
    if (this.#dead) await new Promise(() => {});
  }
}

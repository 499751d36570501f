import { displayWidth } from '../../src/report/width.ts';
import type { TerminalStream } from '../../src/report/window.ts';

/**
 * A terminal: interprets what is written to it as xterm does, with automatic margins, and throws at a control sequence that
 * it does not know.
 */
export class Screen implements TerminalStream {
  readonly isTTY = true;
  columns: number;
  rows: number;
  writableNeedDrain = false;
  cursorVisible = true;
  writes = 0;
  /** Lines that went off the top. */
  readonly scrolled: string[] = [];
  #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  #pendingWrap = false;

  constructor(columns = 80, rows = 24) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): boolean {
    this.writes += 1;
    for (const [token] of text.matchAll(/\x1b\[[?0-9;]*[A-Za-z]|[^]/gu)) this.#take(token);
    return true;
  }

  /** What can be seen, scrolled lines included, without empty lines at the end. */
  get text(): readonly string[] {
    const lines = [...this.scrolled, ...this.#lines.map((cells) => cells.join('').trimEnd())];
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  #take(token: string): void {
    if (token.length > 1 && token.startsWith('\x1b')) this.#control(token);
    else if (token === '\r') this.#to(this.#row, 0);
    else if (token === '\n') this.#lineFeed();
    else if (token < ' ' || token === '\x7f') throw new Error(`control character ${JSON.stringify(token)}`);
    else this.#put(token);
  }

  #control(token: string): void {
    const [, digits = '', kind] = /^\x1b\[([?0-9;]*)([A-Za-z])$/.exec(token) ?? [];
    if (token === '\x1b[?25l') this.cursorVisible = false;
    else if (token === '\x1b[?25h') this.cursorVisible = true;
    else if (token === '\x1b[?2026h' || token === '\x1b[?2026l' || kind === 'm') return;
    else if (kind === 'A') this.#to(Math.max(0, this.#row - Number(digits || 1)), this.#column);
    else if (token === '\x1b[J') this.#eraseBelow();
    else throw new Error(`unknown control sequence ${JSON.stringify(token)}`);
  }

  #to(row: number, column: number): void {
    this.#row = row;
    this.#column = column;
    this.#pendingWrap = false;
  }

  // The tty driver turns a line feed into carriage return and line feed.
  #lineFeed(): void {
    if (this.#row + 1 >= this.rows) {
      this.scrolled.push((this.#lines.shift() ?? []).join('').trimEnd());
      this.#row -= 1;
    }
    this.#to(this.#row + 1, 0);
    while (this.#lines.length <= this.#row) this.#lines.push([]);
  }

  #eraseBelow(): void {
    this.#lines[this.#row]?.splice(this.#column);
    this.#lines.splice(this.#row + 1);
  }

  #put(character: string): void {
    if (this.#pendingWrap) this.#lineFeed();
    const line = this.#lines[this.#row] ?? [];
    while (line.length < this.#column) line.push(' ');
    const width = displayWidth(character);
    line[this.#column] = character;
    if (width === 2) line[this.#column + 1] = '';
    this.#column += width;
    if (this.#column >= this.columns) {
      this.#column = this.columns - 1;
      this.#pendingWrap = true;
    }
  }
}

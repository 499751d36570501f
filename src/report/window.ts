/** The terminal that a window is drawn on; `process.stderr` is one. */
export interface TerminalStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** The reader is behind: what is written now is kept in memory. */
  readonly writableNeedDrain?: boolean | undefined;
}

export interface WindowOptions {
  readonly stream: TerminalStream;
  /** The lines of the window, each at most so wide, at most so many; drawn anew each time. */
  readonly draw: (columns: number, rows: number) => readonly string[];
  /** Milliseconds between two drawings. Default: 100. */
  readonly interval?: number | undefined;
  /** Has a function called when the process exits, and returns how to take that back. Default: `process`'s `exit`. */
  readonly onExit?: ((restore: () => void) => () => void) | undefined;
}

const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
const eraseBelow = '\x1b[J';
// Terminals that know synchronized output show all between these at once; others ignore them.
const beginFrame = '\x1b[?2026h';
const endFrame = '\x1b[?2026l';

/**
 * Lines at the bottom of a terminal that are drawn anew in their place, while finished lines scroll above them. Its timer
 * keeps no process alive, and the cursor comes back when it stops or the process exits. It takes the line in which the
 * cursor stands: whoever wrote before it ends the line first.
 */
export class Window {
  readonly #stream: TerminalStream;
  readonly #draw: WindowOptions['draw'];
  readonly #timer: NodeJS.Timeout;
  readonly #forgetExit: () => void;
  #finished: string[] = [];
  /** Number of lines on the terminal; the cursor is in the last. */
  #height = 0;
  #shown = '';
  #stopped = false;

  constructor({ stream, draw, interval = 100, onExit = onProcessExit }: WindowOptions) {
    this.#stream = stream;
    this.#draw = draw;
    this.#forgetExit = onExit(() => this.stop());
    this.#timer = setInterval(() => this.refresh(), interval);
    this.#timer.unref();
    stream.write(hideCursor);
  }

  /** Adds a line above the window, with the next drawing. */
  print(line: string): void {
    if (this.#stopped) this.#stream.write(`${line}\n`);
    else this.#finished.push(line);
  }

  /** Draws now, unless the terminal is behind: then nothing is lost, and a later drawing shows it. */
  refresh(): void {
    if (this.#stopped || this.#stream.writableNeedDrain === true) return;
    const rows = Math.max(1, (this.#stream.rows ?? 24) - 1);
    // A line that fills the last column leaves the cursor between two lines; terminals differ on which.
    const columns = Math.max(1, (this.#stream.columns ?? 80) - 1);
    const lines = this.#draw(columns, rows).slice(0, rows);
    const shown = lines.join('\n');
    if (shown === this.#shown && this.#finished.length === 0) return;
    this.#stream.write(`${beginFrame}${this.#erase()}${this.#flush()}${shown}${endFrame}`);
    this.#shown = shown;
    this.#height = lines.length;
  }

  /** Takes the window away, leaves all finished lines, and gives the cursor back. May be called again. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#forgetExit();
    this.#stream.write(`${this.#erase()}${this.#flush()}${showCursor}`);
  }

  #flush(): string {
    return this.#finished
      .splice(0)
      .map((line) => `${line}\n`)
      .join('');
  }

  // Never goes up by more lines than were drawn: after a resize a rest may stay, but no finished line is lost.
  #erase(): string {
    const up = this.#height > 1 ? `\x1b[${this.#height - 1}A` : '';
    this.#height = 0;
    return `\r${up}${eraseBelow}`;
  }
}

function onProcessExit(restore: () => void): () => void {
  process.on('exit', restore);
  return () => process.off('exit', restore);
}

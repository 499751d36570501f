import type { Bus } from '../events/bus.ts';
import type { Stamped } from '../events/event.ts';
import { follow, type Live, liveLines, nothingYet } from './live.ts';
import { createPaint } from './paint.ts';
import { progressLine } from './progress-line.ts';
import { type TerminalStream, Window, type WindowOptions } from './window.ts';

export interface TerminalOptions {
  readonly bus: Pick<Bus, 'subscribe'>;
  /** Where it is shown; `process.stderr` is one. */
  readonly stream: TerminalStream;
  readonly colour: boolean;
  /** A window at the bottom, else plain lines without control characters. Default: whether the stream is a terminal. */
  readonly live?: boolean | undefined;
  /** Most hosts in the window at once. Default: 10. */
  readonly hosts?: number | undefined;
  /** The time in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
  readonly interval?: WindowOptions['interval'];
  readonly onExit?: WindowOptions['onExit'];
}

/** A run as it is seen while it lasts. */
export interface Terminal {
  /** Adds a line of the caller's own, above the window. Whatever else writes to the stream disturbs the window. */
  print(line: string): void;
  /** Shows the present state now. */
  refresh(): void;
  /** Ends it: the window goes, finished lines stay, the cursor is back. May be called again. */
  stop(): void;
}

/** Shows the events of a bus on a stream until it is stopped. Keeps no process alive. */
export function startTerminal(options: TerminalOptions): Terminal {
  const { bus, stream, colour, live: windowed = stream.isTTY === true } = options;
  const paint = createPaint(colour);
  let live: Live = nothingYet;
  const window = windowed ? new Window({ ...options, draw }) : null;

  function draw(columns: number, rows: number): readonly string[] {
    if (live.command === null) return [];
    // Two lines at least are left for what scrolls.
    const size = { columns, rows: Math.min(rows - 2, (options.hosts ?? 10) + 1) };
    return liveLines(live, (options.now ?? Date.now)(), size, paint);
  }
  const print = (line: string): void => {
    if (window === null) stream.write(`${line}\n`);
    else window.print(line);
  };
  const take = (event: Stamped): void => {
    const before = 'host' in event && event.host !== null ? live.working.get(event.host) : undefined;
    live = follow(live, event);
    // A phase tells of its progress by being told again.
    if (event.type === 'phase' && event.phase === before?.phase) return;
    const line = progressLine(event, before?.startedAt ?? null, window === null, paint);
    if (line !== null) print(line);
  };
  const leave = bus.subscribe(take);
  return {
    print,
    refresh: () => window?.refresh(),
    stop() {
      leave();
      window?.stop();
    },
  };
}

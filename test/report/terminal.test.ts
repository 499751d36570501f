import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBus } from '../../src/events/bus.ts';
import type { Event, HostState } from '../../src/events/event.ts';
import { startTerminal } from '../../src/report/terminal.ts';
import { displayWidth } from '../../src/report/width.ts';
import { at } from './sample.ts';
import { Screen } from './screen.ts';

/** A run on a screen, whose clock goes on by a second with each event. Nothing here waits for a timer. */
function show(screen: Screen, options: { readonly colour?: boolean; readonly hosts?: number } = {}) {
  let second = 0;
  const exits: (() => void)[] = [];
  const bus = createBus({ now: () => at(second++) });
  const terminal = startTerminal({
    bus,
    stream: screen,
    colour: false,
    now: () => Date.parse(at(second)),
    interval: 2 ** 30,
    onExit(restore) {
      exits.push(restore);
      return () => exits.splice(exits.indexOf(restore), 1);
    },
    ...options,
  });
  const tell = async (...events: readonly Event[]): Promise<void> => {
    for (const event of events) {
      if (event.type === 'run-started' || event.type === 'run-resumed' || event.type === 'host-started')
        await bus.intend(event);
      else if (event.type !== 'write-intent' && event.type !== 'effect-intent' && event.type !== 'hook-intent')
        bus.emit(event);
    }
  };
  return { terminal, tell, exits };
}

const runOf = (...names: readonly string[]): Event => ({
  type: 'run-started',
  run: 'r',
  command: 'apply',
  playbook: 'p',
  hosts: names.map((name) => ({ name, rack: null })),
});
const started = (host: string): Event => ({ type: 'host-started', host });
const phase = (host: string, name: 'connect' | 'apply' | 'reboot', detail?: string): Event => ({
  type: 'phase',
  host,
  phase: name,
  ...(detail !== undefined && { detail }),
});
const ended = (host: string, state: HostState = 'ok', message = 'no answer'): Event => ({
  type: 'host-ended',
  host,
  state,
  ...(state !== 'ok' && { failure: { code: 'x', host, thing: 'x', message: `${host}: ${message}` } }),
  writes: 1,
  reboots: 0,
});

describe('startTerminal on a terminal', () => {
  it('shows numbers by phase and the hosts at work, with phase and elapsed time', async () => {
    const screen = new Screen();
    const { terminal, tell } = show(screen);
    await tell(runOf('n1', 'n2', 'n3', 'n4'), started('n1'), started('n2'), ended('n2'), started('n3'));
    await tell(phase('n3', 'apply'), phase('n1', 'reboot', 'waits for a log-in'), {
      type: 'progress',
      host: 'n3',
      line: 'Generating grub',
    });
    terminal.refresh();
    expect(screen.text).toEqual([
      'n2: ok (1 write, 0:01)',
      'apply 0:08 | 1 of 4 done: 1 ok | 1 apply, 1 reboot | 1 waiting',
      '  n1  reboot      0:02  waits for a log-in',
      '  n3  apply       0:03  Generating grub',
    ]);
  });

  it('says at once that a rollout halts or waits, and keeps it in sight', async () => {
    const screen = new Screen(120);
    const { terminal, tell } = show(screen);
    await tell(runOf('n1', 'n2'), { type: 'held', until: '2026-11-28T22:00:00.000Z' }, started('n1'));
    await tell({ type: 'halted', why: 'n0 did not end well; allowed: 0' });
    terminal.refresh();
    expect(screen.text.slice(0, 3)).toEqual([
      'waiting: no host starts before 2026-11-28T22:00:00.000Z, when a maintenance window opens',
      'halted: n0 did not end well; allowed: 0; no further host starts, those at work come to a safe end',
      expect.stringMatching(/^apply \d:\d\d \| 0 of 2 done \| 1 connect \| halted$/),
    ]);
  });

  it('draws in place: the window is there once, and goes at the end', async () => {
    const screen = new Screen();
    const { terminal, tell } = show(screen);
    await tell(runOf('n1', 'n2'), started('n1'), started('n2'));
    for (let index = 0; index < 5; index += 1) {
      await tell({ type: 'progress', host: 'n1', line: `step ${index}` });
      terminal.refresh();
      expect(screen.text).toHaveLength(3);
      expect(screen.text[1]).toContain(`step ${index}`);
    }
    await tell(ended('n1'), ended('n2', 'failed'));
    terminal.stop();
    expect(screen.text).toEqual(['n1: ok (1 write, 0:07)', 'n2: failed (1 write, 0:07): no answer']);
  });

  it('never damages a line that scrolled above, whatever happens in whatever order', async () => {
    const names = ['alpha', 'beta', 'gamma', '计算节点一', 'epsilon', 'zeta', 'eta', 'theta'];
    const step = fc.record({
      host: fc.nat({ max: names.length - 1 }),
      act: fc.constantFrom('start', 'phase', 'progress', 'end', 'refresh', 'refresh', 'warn'),
      text: fc.string({ unit: 'grapheme', maxLength: 120 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 12, max: 100 }),
        fc.integer({ min: 2, max: 12 }),
        async (steps, columns, rows) => {
          const screen = new Screen(columns, rows);
          const { terminal, tell } = show(screen);
          const plain = new PlainStream();
          const twin = show(plain as unknown as Screen);
          const both = async (event: Event): Promise<void> => {
            await tell(event);
            await twin.tell(event);
          };
          await both(runOf(...names));
          for (const { host: index, act, text } of steps) {
            const host = names[index] ?? 'alpha';
            if (act === 'start') await both(started(host));
            else if (act === 'phase') await both(phase(host, 'apply', text));
            else if (act === 'progress') await both({ type: 'progress', host, line: text });
            else if (act === 'end') await both(ended(host, 'failed', text));
            else if (act === 'warn') await both({ type: 'warning', host, text });
            else {
              terminal.refresh();
              expect(screen.text.length - screen.scrolled.length).toBeLessThanOrEqual(rows);
            }
          }
          terminal.stop();
          // The plain lines, wrapped as the terminal wraps them, are all that is left.
          const expected = plain.lines.slice(1).flatMap((line) => wrap(line, columns));
          while (expected.at(-1) === '') expected.pop();
          expect(screen.text).toEqual(expected);
          expect(screen.cursorVisible).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('shows those at work for longest where there is no room for all', async () => {
    const screen = new Screen(60, 6);
    const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
    const { terminal, tell } = show(screen);
    await tell(runOf(...names), ...names.map(started));
    terminal.refresh();
    expect(screen.text).toHaveLength(3);
    expect(screen.text[1]).toMatch(/^ {2}n0 /);
    expect(screen.text[2]).toBe('  and 29 more at work');

    const large = new Screen(60, 50);
    const other = show(large, { hosts: 5 });
    await other.tell(runOf(...names), ...names.map(started));
    other.terminal.refresh();
    expect(large.text).toHaveLength(6);
    expect(large.text.at(-1)).toBe('  and 26 more at work');
  });

  it('cuts lines to the width, so that none of them wraps', async () => {
    const screen = new Screen(30, 24);
    const { terminal, tell } = show(screen);
    await tell(runOf('node-with-a-very-long-name-indeed'), started('node-with-a-very-long-name-indeed'));
    await tell({ type: 'progress', host: 'node-with-a-very-long-name-indeed', line: '计'.repeat(50) });
    terminal.refresh();
    expect(screen.text).toHaveLength(2);
    for (const line of screen.text) expect(displayWidth(line)).toBeLessThan(30);
  });

  it('hides the cursor while it lasts, and gives it back on stop, once', async () => {
    const screen = new Screen();
    const { terminal, exits } = show(screen);
    expect(screen.cursorVisible).toBe(false);
    terminal.stop();
    expect(screen.cursorVisible).toBe(true);
    expect(exits).toHaveLength(0);
    const writes = screen.writes;
    terminal.stop();
    terminal.refresh();
    expect(screen.writes).toBe(writes);
  });

  it('gives the cursor back and shows what it still had when the process exits', async () => {
    const screen = new Screen();
    const { tell, exits } = show(screen);
    await tell(runOf('n1'), started('n1'), ended('n1'));
    expect(screen.text).toEqual([]);
    for (const restore of [...exits]) restore();
    expect(screen.cursorVisible).toBe(true);
    expect(screen.text).toEqual(['n1: ok (1 write, 0:01)']);
  });

  it('does not write what is there already, nor to a terminal that is behind', async () => {
    const screen = new Screen();
    const { terminal, tell } = show(screen);
    await tell(runOf('n1'), started('n1'));
    terminal.refresh();
    const writes = screen.writes;
    terminal.refresh();
    expect(screen.writes).toBe(writes);
    screen.writableNeedDrain = true;
    await tell(ended('n1'));
    terminal.refresh();
    expect(screen.writes).toBe(writes);
    screen.writableNeedDrain = false;
    terminal.refresh();
    expect(screen.text[0]).toBe('n1: ok (1 write, 0:01)');
  });

  it('prints lines of its caller above the window', async () => {
    const screen = new Screen();
    const { terminal, tell } = show(screen);
    await tell(runOf('n1'), started('n1'));
    terminal.refresh();
    terminal.print('interrupted: no further host is started');
    terminal.refresh();
    expect(screen.text[0]).toBe('interrupted: no further host is started');
    expect(screen.text).toHaveLength(3);
  });

  it('lets no text of a host act on the terminal', async () => {
    const screen = new Screen(200, 24);
    const { terminal, tell } = show(screen, { colour: true });
    const nasty = '\x1b[2J\x1b[H\x9b2J\r\x07\u202e';
    await tell(runOf('n1', 'n2'), started('n1'), started('n2'), phase('n1', 'apply', nasty), {
      type: 'progress',
      host: 'n2',
      line: nasty,
    });
    await tell({ type: 'warning', host: 'n1', text: nasty }, ended('n2', 'failed', nasty));
    terminal.refresh();
    expect(screen.text.join('\n').match(/\\x1b\[2J/g)).toHaveLength(3);
    terminal.stop();
  });
});

describe('startTerminal on anything else', () => {
  it('writes plain lines: ends, reboots, warnings; each once', async () => {
    const stream = new PlainStream();
    const { terminal, tell } = show(stream as unknown as Screen);
    await tell(runOf('n1', 'n2'), started('n1'), phase('n1', 'connect'), phase('n1', 'apply', 'x'));
    await tell(phase('n1', 'reboot'), phase('n1', 'reboot', 'still waits'));
    await tell({ type: 'rebooted', host: 'n1', bootIdBefore: '1', bootIdAfter: '2' }, ended('n1'));
    await tell({ type: 'warning', host: null, text: 'a\x1b[2J' }, ended('n2', 'skipped'));
    terminal.refresh();
    terminal.print('own line');
    terminal.stop();
    expect(stream.lines).toEqual([
      'apply: 2 hosts',
      'n1: reboot',
      'n1: back after the reboot',
      'n1: ok (1 write, 0:06)',
      'warning: a\\x1b[2J',
      'own line',
    ]);
    await tell(ended('n1'));
    expect(stream.lines).toHaveLength(6);
  });

  it('keeps a failure to one line', async () => {
    const stream = new PlainStream();
    const { tell } = show(stream as unknown as Screen);
    await tell(runOf('n1'), started('n1'), ended('n1', 'failed', 'unexpected error\n  at stack (x.ts:1)'));
    expect(stream.lines.at(-1)).toBe('n1: failed (1 write, 0:01): unexpected error');
  });
});

describe('a process with a live view', () => {
  it('ends by itself, and leaves the cursor visible though nobody stopped the view', () => {
    const [bus, terminal] = ['events/bus.ts', 'report/terminal.ts'].map((path) =>
      fileURLToPath(new URL(`../../src/${path}`, import.meta.url)),
    );
    const cache = fileURLToPath(new URL('../../node_modules/.cache/jiti', import.meta.url));
    // Node 20 does not read TypeScript by itself; jiti, a dependency, does.
    const program = `
      const { createJiti } = await import(${JSON.stringify(import.meta.resolve('jiti'))});
      const jiti = createJiti(${JSON.stringify(import.meta.url)}, { fsCache: ${JSON.stringify(cache)} });
      const { createBus } = await jiti.import(${JSON.stringify(bus)});
      const { startTerminal } = await jiti.import(${JSON.stringify(terminal)});
      const bus = createBus({ now: () => new Date() });
      startTerminal({ bus, stream: process.stderr, colour: false, live: true });
      await bus.intend({ type: 'run-started', run: 'r', command: 'apply', playbook: null, hosts: [{ name: 'n1', rack: null }] });
      bus.emit({ type: 'warning', host: 'n1', text: 'still here' });
    `;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(stderr).toMatch(/n1: warning: still here\n\x1b\[\?25h$/);
    expect(status).toBe(0);
  });
});

/** A stream that is no terminal, such as a log file. */
class PlainStream {
  readonly isTTY = false;
  #text = '';

  write(text: string): boolean {
    if (/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(text)) throw new Error(`control character in ${JSON.stringify(text)}`);
    this.#text += text;
    return true;
  }

  get lines(): readonly string[] {
    return this.#text.split('\n').slice(0, -1);
  }
}

/** A long line as a terminal shows it: told from the screen, with nothing else on it. */
function wrap(line: string, columns: number): readonly string[] {
  const screen = new Screen(columns, 1000);
  screen.write(`${line}\n|`);
  return screen.text.slice(0, -1);
}

import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { SerialPort } from '../facts/hardware.ts';
import type { Obstacle } from './obstacle.ts';
import { obstaclesOfSerial } from './obstacles.ts';
import type { OpenNodes } from './open-nodes.ts';
import { refusal } from './require-free.ts';
import { selectUsb } from './usb.ts';

/** A serial port for a guest, and the name that it is to have. */
export interface SerialSelector {
  /** `ttyS1` of the board or a card; of an adapter the port of USB that it is plugged into: `1-2.3`. */
  readonly port: string;
  /** Of an adapter, what must be found there: `0403:6001`. */
  readonly id?: string | undefined;
  /** Of an adapter with several serial ports, which: the number of its interface, from 0. */
  readonly interface?: number | undefined;
  /** `/dev/vfleet/ALIAS` leads to it, also after replugging. */
  readonly alias: string;
}

/** Such a port in the variables of a playbook. */
export const serialSelector = z
  .strictObject({
    port: z
      .string()
      .regex(
        /^(?:tty(?:S|AMA)\d{1,3}|\d{1,3}-\d{1,3}(?:\.\d{1,3}){0,6})$/,
        'expected ttyS1, or the port of USB of an adapter: 1-2.3 (ttyUSB0 may be another one tomorrow)',
      ),
    id: z
      .string()
      .regex(/^[0-9a-f]{4}:[0-9a-f]{4}$/i, 'expected ids such as 0403:6001')
      .optional(),
    interface: z.int().min(0).max(99).optional(),
    alias: z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'expected a short name of letters, digits and . _ -'),
  })
  .refine(
    ({ port, id }) => port.startsWith('tty') || id !== undefined,
    'expected the ids of the adapter, too: id: "0403:6001"',
  );

/** The port that a selector means. Errors: `device.unknown`, `device.none`, `device.other`, `device.count`. */
export function selectSerial(facts: Facts, selector: SerialSelector, host: string): SerialPort {
  const { hardware } = facts;
  const { port, id = '' } = selector;
  if (hardware === null) {
    const next = 'read the facts again with this version of vfleet';
    throw problem('unknown', host, port, 'serial ports of the host', 'facts in which they were not read', next);
  }
  if (port.startsWith('tty')) return builtIn(hardware.serial, port, host);
  selectUsb(facts, { port, id: id.toLowerCase() }, host);
  const all = hardware.serial.filter(({ usb }) => usb === port);
  const fitting = all.filter((one) => selector.interface === undefined || interfaceOf(one) === selector.interface);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const names = all.map((one) => `${one.name} (interface ${interfaceOf(one) ?? 'unknown'})`).join(', ') || 'none';
  const next = all.length === 0 ? 'load its driver (usbserial, cdc_acm)' : 'say which with interface';
  throw problem(all.length === 0 ? 'none' : 'count', host, port, 'one serial port of the adapter', names, next);
}

/** Ports of the 8250 driver that have no UART are names only: no type, which `setserial -g` shows as unknown. */
function builtIn(all: readonly SerialPort[], name: string, host: string): SerialPort {
  const found = all.find((one) => one.name === name);
  const real = all.filter((one) => one.uart !== null || /^ttyAMA/.test(one.name));
  const there = real.map((one) => one.name).join(', ') || 'none';
  const next =
    'correct the inventory; of a card with more ports than the kernel has names for: nrUarts (8250.nr_uarts=)';
  if (found === undefined)
    throw problem('none', host, name, 'a serial port', `no such name; there are: ${there}`, next);
  if (real.includes(found)) return found;
  throw problem('none', host, name, 'a UART', `none at that name (UART: unknown); there are: ${there}`, next);
}

/** As `/dev/serial/by-id` has it: `…-if01-port0`. */
function interfaceOf({ links }: SerialPort): number | null {
  const digits = links.map((link) => /-if([0-9a-f]{2})(?:-port\d+)?$/.exec(link)?.[1]).find((one) => one !== undefined);
  return digits === undefined ? null : Number.parseInt(digits, 16);
}

/** Why a port may not be taken from the host. `open`: leave it out where processes are not judged. */
export function serialObstaclesOf(
  facts: Facts,
  selector: SerialSelector,
  host: string,
  open?: OpenNodes,
): readonly Obstacle[] {
  return obstaclesOfSerial(facts, selectSerial(facts, selector, host).name, open);
}

/** Whether the kernel has no name for a port yet, and will have one once it has `names` of them. */
export function isComing({ hardware }: Facts, { port }: SerialSelector, names: number): boolean {
  const [, number] = /^ttyS(\d+)$/.exec(port) ?? [];
  if (hardware === null || number === undefined) return false;
  return Number(number) < names && hardware.serial.every(({ name }) => name !== port);
}

/** What is known to stand in the way of such ports: the kernel is told to log to them. */
export function comingObstacles({ boot }: Facts, ports: readonly SerialSelector[]): readonly Obstacle[] {
  const words = boot.running.split(' ');
  return ports.flatMap(({ port }) => {
    const isConsole = words.some((word) => word === `console=${port}` || word.startsWith(`console=${port},`));
    const remedy = `take console=${port} out of the kernel arguments and reboot first`;
    return isConsole
      ? [{ kind: 'console', device: port, reason: `${port} is to be a console of the kernel`, remedy }]
      : [];
  });
}

/**
 * Ports that the host can do without. `openAt`: what processes have open, for those at which they are judged. Errors: those of
 * `selectSerial` and `refuseTwins`; `device.` and the kind of the first obstacle: `device.console`, `device.in-use`.
 */
export function requireSerial(
  facts: Facts,
  selectors: readonly SerialSelector[],
  host: string,
  openAt: (port: string) => OpenNodes | undefined,
): readonly SerialPort[] {
  refuseTwins(selectors, host);
  const ports = selectors.map((selector) => selectSerial(facts, selector, host));
  const obstacles = selectors.flatMap((selector) => serialObstaclesOf(facts, selector, host, openAt(selector.port)));
  if (obstacles.length > 0) throw refusal(obstacles, host);
  return ports;
}

/**
 * One name for two ports would lead to whichever udev has seen last; and of one port with two names, two guests might have it.
 * Errors: `device.alias`, `device.twice`.
 */
export function refuseTwins(selectors: readonly SerialSelector[], host: string): void {
  for (const [at, second] of selectors.entries()) {
    const earlier = selectors.slice(0, at);
    const first = earlier.find(({ alias }) => alias === second.alias);
    if (first !== undefined) {
      const found = `${nameOf(first)} and ${nameOf(second)}, both as ${second.alias}`;
      throw problem('alias', host, nameOf(second), 'an alias of its own', found, 'give one of them another alias');
    }
    const same = earlier.find((one) => nameOf(one) === nameOf(second));
    if (same === undefined) continue;
    const found = `it twice, as ${same.alias} and as ${second.alias}`;
    throw problem('twice', host, nameOf(second), 'one alias for the port', found, 'leave one of them out');
  }
}

/** Of an adapter with several ports, with the number of its interface. */
function nameOf({ port, interface: part }: SerialSelector): string {
  return part === undefined ? port : `${port} interface ${part}`;
}

/** Where a guest finds a port. */
export function aliasPath({ alias }: SerialSelector): string {
  return `/dev/vfleet/${alias}`;
}

function problem(code: string, host: string, at: string, expected: string, found: string, next: string): VfleetError {
  return new VfleetError({ code: `device.${code}`, host, thing: `serial port ${at}`, expected, found, next });
}

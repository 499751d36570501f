import { VfleetError } from '../errors.ts';

/** A maintenance window, each week. Minutes count from Monday 00:00 in its time zone. */
export interface Window {
  /** As the operator wrote it. */
  readonly text: string;
  /** Days of the week on which it begins, Monday 0. */
  readonly days: readonly number[];
  /** Minutes from midnight; `to` below or equal to `from` is on the next day. */
  readonly from: number;
  readonly to: number;
  /** IANA name: `UTC`, `Europe/Berlin`. */
  readonly zone: string;
}

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const minute = 60_000;
const perDay = 24 * 60;
const perWeek = 7 * perDay;

/**
 * Reads `22:00-04:00`, `Sat,Sun 22:00-04:00` or `Mon-Fri 01:00-05:00 Europe/Berlin`. Without days: every day; without a
 * zone: UTC. Errors: `rollout.window`.
 */
export function parseWindow(text: string): Window {
  const [, days = '', from = '', to = '', zone = 'UTC'] =
    /^\s*(?:([A-Za-z,-]+)\s+)?(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})(?:\s+([\w/+-]+))?\s*$/.exec(text) ?? [];
  const begin = minutesOf(from);
  const end = minutesOf(to);
  const list = days === '' ? [0, 1, 2, 3, 4, 5, 6] : daysOf(days);
  if (begin === null || end === null || begin === perDay || list === null || !isZone(zone)) {
    throw new VfleetError({
      code: 'rollout.window',
      thing: `maintenance window ${JSON.stringify(text)}`,
      expected: 'days, times and a time zone as in "Sat,Sun 22:00-04:00 Europe/Berlin"',
      found: zone !== 'UTC' && !isZone(zone) ? `${zone}, which is no time zone` : 'another text',
      next: 'correct it; days and zone may be left out',
    });
  }
  return { text: text.trim(), days: list, from: begin, to: end, zone };
}

/** Whether a text can be read as a maintenance window. */
export function isWindow(text: string): boolean {
  try {
    parseWindow(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether a moment, in milliseconds since 1970, is within one of the windows; with none of them it always is. */
export function isOpen(windows: readonly Window[], at: number): boolean {
  return windows.length === 0 || windows.some((window) => isWithin(window, at));
}

/** When the next of the windows opens: milliseconds since 1970, to the minute; `null` when none of them ever does. */
export function nextOpening(windows: readonly Window[], at: number): number | null {
  if (isOpen(windows, at)) return at;
  const first = Math.floor(at / minute) * minute + minute;
  // Clocks that are put forward or back make a week an hour shorter or longer.
  for (let moment = first; moment <= first + (perWeek + 120) * minute; moment += minute) {
    if (isOpen(windows, moment)) return moment;
  }
  return null;
}

function isWithin({ days, from, to, zone }: Window, at: number): boolean {
  const now = minuteOfWeek(at, zone);
  const length = to > from ? to - from : to + perDay - from;
  return days.some((day) => (now - (day * perDay + from) + 2 * perWeek) % perWeek < length);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function minuteOfWeek(at: number, zone: string): number {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(zone, format);
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const day = dayNames.indexOf((parts.get('weekday') ?? '').toLowerCase());
  return day * perDay + Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
}

function minutesOf(text: string): number | null {
  const [hours = Number.NaN, minutes = Number.NaN] = text.split(':').map(Number);
  const all = hours * 60 + minutes;
  return minutes < 60 && all <= perDay ? all : null;
}

function daysOf(text: string): readonly number[] | null {
  const days = text.split(',').flatMap((part): readonly (number | null)[] => {
    const [first = '', last = first, ...rest] = part.split('-').map((name) => name.toLowerCase());
    const [begin, end] = [dayNames.indexOf(first), dayNames.indexOf(last)];
    if (begin < 0 || end < 0 || rest.length > 0) return [null];
    return Array.from({ length: ((end - begin + 7) % 7) + 1 }, (_, index) => (begin + index) % 7);
  });
  return days.some((day) => day === null) ? null : [...new Set(days as readonly number[])].sort((a, b) => a - b);
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

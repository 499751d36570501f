import { describe, expect, it } from 'vitest';
import { isOpen, nextOpening, parseWindow } from '../../src/rollout/window.ts';

// 2026-11-26 is a Thursday.
const at = (text: string): number => Date.parse(text);
const open = (window: string, moment: string): boolean => isOpen([parseWindow(window)], at(moment));

describe('a maintenance window', () => {
  it.each([
    ['22:00-23:00', '2026-11-26T22:00Z', true],
    ['22:00-23:00', '2026-11-26T22:59:59Z', true],
    ['22:00-23:00', '2026-11-26T23:00Z', false],
    ['Thu 22:00-04:00', '2026-11-27T03:59Z', true],
    ['Thu 22:00-04:00', '2026-11-26T03:59Z', false],
    ['Mon-Fri 01:00-05:00', '2026-11-28T02:00Z', false],
    ['Fri-Mon 01:00-05:00', '2026-11-29T02:00Z', true],
    ['sun,wed 00:00-24:00', '2026-11-29T12:00Z', true],
    // From Sunday into Monday, over the end of the week.
    ['Sun 23:00-01:00', '2026-11-30T00:30Z', true],
    ['12:00-12:00', '2026-11-26T03:00Z', true],
    ['22:00-23:00 Europe/Berlin', '2026-11-26T21:30Z', true],
    ['22:00-23:00 Europe/Berlin', '2026-07-26T21:30Z', false],
  ])('%s at %s: %s', (window, moment, expected) => {
    expect(open(window, moment)).toBe(expected);
  });

  it.each([
    '',
    '22-23',
    '22:00',
    '25:00-26:00',
    '22:60-23:00',
    'Foo 22:00-23:00',
    'Mon-Tue-Wed 1:00-2:00',
    '1:00-2:00 Mars/Base',
  ])('that is none (%j) is refused with an example', (text) => {
    expect(() => parseWindow(text)).toThrow(/maintenance window.*Sat,Sun 22:00-04:00 Europe\/Berlin/);
  });

  it('says when it opens next', () => {
    const windows = [parseWindow('Sat 22:00-23:00'), parseWindow('Sun 01:00-02:00')];
    expect(nextOpening(windows, at('2026-11-26T12:00:30Z'))).toBe(at('2026-11-28T22:00Z'));
    expect(nextOpening(windows, at('2026-11-28T23:30Z'))).toBe(at('2026-11-29T01:00Z'));
    expect(nextOpening(windows, at('2026-11-28T22:30:10Z'))).toBe(at('2026-11-28T22:30:10Z'));
    expect(nextOpening([], 7)).toBe(7);
  });

  it('is open at no time that the clocks leave out, and opens after it', () => {
    // Berlin, 2026-03-29: 02:00 becomes 03:00.
    const window = [parseWindow('Sun 02:00-02:30 Europe/Berlin')];
    expect(isOpen(window, at('2026-03-29T01:00Z'))).toBe(false);
    expect(nextOpening(window, at('2026-03-29T00:30Z'))).toBe(at('2026-04-05T00:00Z'));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPaint } from '../../src/report/paint.ts';
import { displayWidth, padLeft, padRight, truncate } from '../../src/report/width.ts';

describe('displayWidth', () => {
  it.each([
    ['node01', 6],
    ['计算节点', 8],
    ['ノード', 6],
    ['ﾉｰﾄﾞ', 4],
    ['서버', 4],
    ['e\u0301', 1],
    ['🙂', 2],
    ['ＡＢ', 4],
    ['…', 1],
    ['', 0],
  ])('%s takes %i columns', (text, columns) => {
    expect(displayWidth(text)).toBe(columns);
  });

  it('leaves colours out', () => {
    expect(displayWidth(createPaint(true).bad('计x'))).toBe(3);
  });
});

describe('padding and truncation', () => {
  it('fills to columns, not to characters', () => {
    expect(padRight('计', 4)).toBe('计  ');
    expect(padLeft('计', 4)).toBe('  计');
    expect(padRight('longer', 3)).toBe('longer');
  });

  it('never takes more columns than it may, and cuts nothing that fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat({ max: 20 }), (text, columns) => {
        const cut = truncate(text, columns);
        expect(displayWidth(cut)).toBeLessThanOrEqual(columns);
        if (displayWidth(text) <= columns) expect(cut).toBe(text);
      }),
    );
    expect(truncate('计算节点', 5)).toBe('计算…');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeJson, escapeLine, escapeLines } from '../../src/report/escape.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.stringMatching(/^[\x00-\x9f]*$/),
);
const bidi = '\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c';

// Told from the code points, independently of the expression that escapes them.
function isSafe(text: string): boolean {
  return [...text].every((character) => {
    const code = character.codePointAt(0) ?? 0;
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const isSurrogate = code >= 0xd800 && code <= 0xdfff;
    const isInvisible =
      bidi.includes(character) || ['\u2028', '\u2029', '\u200b', '\ufeff', '\u00ad'].includes(character);
    return !isControl && !isSurrogate && !isInvisible;
  });
}

describe('escapeLine', () => {
  it.each([
    ['\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['\x9b2J', '\\x9b2J'],
    ['a\r\nb\tc', 'a\\r\\nb\\tc'],
    ['user\u202egpj.exe', 'user\\u{202e}gpj.exe'],
    ['\ud800', '\\u{d800}'],
    ['\u{e0041}', '\\u{e0041}'],
    ['计算节点 é 🙂 C:\\x', '计算节点 é 🙂 C:\\x'],
  ])('%j is %s', (text, expected) => {
    expect(escapeLine(text)).toBe(expected);
  });

  it('shows bytes that are no UTF-8 and keeps the characters around them', () => {
    const bytes = Buffer.from([
      0x61, 0xff, 0xc3, 0xa9, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xc0, 0xaf, 0xe8, 0xae, 0xa1, 0x1b,
    ]);
    expect(escapeLine(bytes)).toBe('a\\xffé\\xc3(\\xed\\xa0\\x80\\xc0\\xaf计\\x1b');
  });

  it('reads bytes as Node does, wherever they are UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => escapeLine(Buffer.from(text)) === escapeLine(text)),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => isSafe(escapeLine(bytes)) && !escapeLine(bytes).includes('\ufffd')),
    );
  });

  it('gives only what a terminal shows, whatever the text, and leaves that as it is', () => {
    fc.assert(
      fc.property(anyText, (text) => isSafe(escapeLine(text))),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(anyText, (text) => escapeLine(escapeLine(text)) === escapeLine(text)));
    for (const character of bidi) expect(escapeLine(character)).toMatch(/^\\u\{[0-9a-f]+\}$/);
  });
});

describe('escapeLines', () => {
  it('parts at line ends, keeps tabs, and shows a lone carriage return', () => {
    expect(escapeLines('a\tb\r\nover\rwritten\n\nend\n')).toEqual(['a\tb', 'over\\rwritten', '', 'end']);
  });

  it('leaves nothing but tabs that a terminal would act on', () => {
    fc.assert(fc.property(anyText, (text) => escapeLines(text).every((line) => isSafe(line.replaceAll('\t', '')))));
  });
});

describe('escapeJson', () => {
  it('is safe on a terminal and says the same', () => {
    fc.assert(
      fc.property(fc.dictionary(anyText, fc.array(anyText)), (value) => {
        const json = escapeJson(JSON.stringify(value, null, 2));
        expect(isSafe(json.replaceAll('\n', ''))).toBe(true);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

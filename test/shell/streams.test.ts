import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lastLine, onOneLine } from '../../src/shell/excerpt.ts';
import { createGather } from '../../src/shell/gather.ts';
import { createLines } from '../../src/shell/lines.ts';
import { createMarkedStream } from '../../src/shell/marked-stream.ts';

/** Cuts bytes into pieces at any places. */
function pieces(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((place, i) => bytes.subarray(places[i], place));
}

const cuts = fc.array(fc.nat(), { maxLength: 10 });

describe('createMarkedStream', () => {
  it('gives what comes after the marker, wherever the pieces are cut', () => {
    const noise = fc.string({ unit: fc.constantFrom('m', 'a', 'r', 'k', '\n', 'ma', 'mar') });
    fc.assert(
      fc.property(noise, noise, cuts, (head, body, places) => {
        fc.pre(!`${head}mark`.slice(0, -1).includes('mark\n'));
        const stream = createMarkedStream('mark');
        const found = pieces(Buffer.from(`${head}mark\n${body}`), places).map((piece) => stream.push(piece));
        const first = `${head}mark\n`.indexOf('mark\n');
        expect(Buffer.concat(found.filter((bytes) => bytes !== null)).toString()).toBe(
          `${head}mark\n${body}`.slice(first + 5),
        );
        expect(stream.head().toString()).toBe(head.slice(0, first));
      }),
    );
  });

  it('keeps no more of the noise than it may, and finds the marker all the same', () => {
    const stream = createMarkedStream('mark', 10);
    for (let i = 0; i < 1000; i++) expect(stream.push(Buffer.from('0123456789'))).toBeNull();
    expect(stream.head()).toHaveLength(10);
    expect(stream.push(Buffer.from('mar'))).toBeNull();
    expect(stream.push(Buffer.from('k\nbody'))?.toString()).toBe('body');
  });
});

describe('createGather', () => {
  it('keeps the beginning', () => {
    fc.assert(
      fc.property(fc.uint8Array(), cuts, fc.nat(50), (array, places, limit) => {
        const gather = createGather(limit);
        for (const piece of pieces(Buffer.from(array), places)) gather.push(piece);
        expect(gather.bytes()).toEqual(Buffer.from(array).subarray(0, limit));
        expect(gather.truncated()).toBe(array.length > limit);
      }),
    );
  });
});

describe('createLines', () => {
  it('gives full lines, wherever the pieces are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.string(), cuts, (lines, rest, places) => {
        const texts = [...lines, rest].map((line) => line.replaceAll('\n', ' '));
        const heard: string[] = [];
        const push = createLines('nonce', (line) => heard.push(line));
        for (const piece of pieces(Buffer.from(texts.join('\n')), places)) push(piece);
        // An empty last line is held until it is known that no boundary follows.
        const full = texts.slice(0, -1);
        expect(heard).toEqual(full.at(-1) === '' ? full.slice(0, -1) : full);
      }),
    );
  });

  it('leaves out boundaries, and only the newline before them', () => {
    const heard: string[] = [];
    createLines('nonce', (line) => heard.push(line))(Buffer.from('a\n\n\nnonce:k\nb\n\nnonce:l\n\nc\n'));
    expect(heard).toEqual(['a', '', 'b', '', 'c']);
  });
});

describe('excerpts', () => {
  it('are one line without control characters', () => {
    expect(lastLine('first\n\u001b[31mlast\u0007 one\u001b[0m \r\n\n')).toBe('last  one');
    expect(onOneLine('a\r\nb\u0000c\n')).toBe('a b c');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(lastLine(text) + onOneLine(text)).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});

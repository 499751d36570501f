import { describe, expect, it } from 'vitest';
import { parseStarter, starterOf } from '../../src/lab/elf.ts';

/** A constructed ELF header with one PT_INTERP entry. */
function elf(wide: boolean, little: boolean, path: string): Buffer {
  const head = Buffer.alloc(512);
  head.write('\x7fELF', 'latin1');
  head[4] = wide ? 2 : 1;
  head[5] = little ? 1 : 2;
  const word = (at: number, value: number) => (little ? head.writeUInt32LE(value, at) : head.writeUInt32BE(value, at));
  const half = (at: number, value: number) => (little ? head.writeUInt16LE(value, at) : head.writeUInt16BE(value, at));
  const address = (at: number, value: number) => word(wide && !little ? at + 4 : at, value);
  address(wide ? 0x20 : 0x1c, 64);
  half(wide ? 0x36 : 0x2a, 56);
  half(wide ? 0x38 : 0x2c, 2);
  word(64, 6);
  word(120, 3);
  address(120 + (wide ? 8 : 4), 300);
  address(120 + (wide ? 0x20 : 0x10), path.length + 1);
  head.write(`${path}\0`, 300);
  return head;
}

describe('how a program starts', () => {
  it.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('by its loader (64 bit: %s, little endian: %s)', (wide, little) => {
    expect(parseStarter(elf(wide, little, '/lib/ld.so'))).toEqual({ kind: 'loader', path: '/lib/ld.so' });
  });

  it.each([
    ['#!/bin/sh\nexit\n', '/bin/sh'],
    ['#! /usr/bin/coreutils --coreutils-prog-shebang=cat\n', '/usr/bin/coreutils'],
  ])('by its #! line: %j', (text, path) => {
    expect(parseStarter(Buffer.from(text))).toEqual({ kind: 'script', path });
  });

  it.each(['', '#!', '#!\n', 'text', '\x7fELF'])('by nothing: %j', (text) => {
    expect(parseStarter(Buffer.from(text, 'latin1'))).toEqual({ kind: 'none' });
  });

  it('by nothing when the header is cut or lies', () => {
    const head = elf(true, true, '/lib/ld.so');
    for (let length = 0; length < 311; length++) {
      const found = parseStarter(head.subarray(0, length));
      expect(found.kind).toBe('none');
    }
    expect(parseStarter(head.subarray(0, 311)).kind).toBe('loader');
  });

  it('reads a real program', async () => {
    const starter = await starterOf(process.execPath);
    expect(['loader', 'none']).toContain(starter.kind);
  });
});

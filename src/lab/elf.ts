import { open } from 'node:fs/promises';

/** What the kernel starts a program file with. */
export type Starter =
  /** An ELF program with a dynamic loader. */
  | { readonly kind: 'loader'; readonly path: string }
  /** A script, with the program of its `#!` line. */
  | { readonly kind: 'script'; readonly path: string }
  /** A static program, or not a program. */
  | { readonly kind: 'none' };

/** Reads how a program file starts. Source: elf(5), `PT_INTERP`; execve(2), interpreter scripts. */
export async function starterOf(file: string): Promise<Starter> {
  const handle = await open(file, 'r');
  try {
    const head = Buffer.alloc(4096);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return parseStarter(head.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

/** The starter named in the first bytes of a file; linkers put the interpreter's name into the first page. */
export function parseStarter(head: Buffer): Starter {
  if (head.length > 2 && head.toString('latin1', 0, 2) === '#!') {
    const line = head.toString('utf8', 2).split('\n', 1)[0] ?? '';
    const program = line.trim().split(/\s+/, 1)[0];
    return program ? { kind: 'script', path: program } : { kind: 'none' };
  }
  if (head.length < 64 || head.toString('latin1', 0, 4) !== '\x7fELF') return { kind: 'none' };
  const path = interpreter(head);
  return path === null ? { kind: 'none' } : { kind: 'loader', path };
}

const interpreterHeader = 3;

function interpreter(head: Buffer): string | null {
  const wide = head[4] === 2;
  const little = head[5] === 1;
  const half = (at: number) => (little ? head.readUInt16LE(at) : head.readUInt16BE(at));
  const word = (at: number) => (little ? head.readUInt32LE(at) : head.readUInt32BE(at));
  const address = (at: number) => {
    if (!wide) return word(at);
    return Number(little ? head.readBigUInt64LE(at) : head.readBigUInt64BE(at));
  };
  const table = address(wide ? 0x20 : 0x1c);
  const size = half(wide ? 0x36 : 0x2a);
  const count = half(wide ? 0x38 : 0x2c);
  for (let index = 0; index < count; index++) {
    const entry = table + index * size;
    if (entry + size > head.length) return null;
    if (word(entry) !== interpreterHeader) continue;
    const start = address(entry + (wide ? 8 : 4));
    const length = address(entry + (wide ? 0x20 : 0x10));
    return start + length > head.length ? null : head.toString('utf8', start, start + length - 1);
  }
  return null;
}

import { VfleetError } from '../errors.ts';

/** What GRUB keeps between boots, such as `saved_entry`: the file `grubenv`, of a fixed size, one character for each byte. */
export interface EnvironmentBlock {
  readonly path: string;
  /** Everything between the first line and the padding. */
  readonly lines: readonly EnvironmentLine[];
}

export interface EnvironmentLine {
  /** As it stands, with its line end. */
  readonly raw: string;
  /** Counted from 1, as editors do. */
  readonly line: number;
  /** `null`: a comment. */
  readonly name: string | null;
  readonly value: string;
}

const signature = '# GRUB Environment Block\n';
/** GRUB writes into the blocks that the file has on disk, and never makes it larger (GRUB manual, "Environment block"). */
const size = 1024;

/**
 * Reads a block: lines `name=value`, a backslash before each backslash and line end of a value, `#` up to the end
 * (`grub_envblk_iterate` in grub-core/lib/envblk.c). Errors: `boot.source` for what GRUB would take for broken.
 */
export function parseEnvironment(path: string, text: string, host?: string): EnvironmentBlock {
  if (text.length !== size || !text.startsWith(signature)) {
    const found = text.startsWith(signature) ? `${text.length} bytes` : 'a file of another kind';
    throw broken(path, `an environment block of ${size} bytes`, found, host);
  }
  const body = text.slice(signature.length).replace(/#*$/, '');
  const raws = body.match(/(?:\\[^]|[^\\\n])*\n/g) ?? [];
  if (raws.join('') !== body) throw broken(path, 'a line end before the padding', 'none', host);
  let line = 2;
  const lines = raws.map((raw) => {
    const parsed = parseLine(raw, line);
    if (parsed === null) throw broken(`${path}:${line}`, 'name=value', JSON.stringify(raw.slice(0, 80)), host);
    line += raw.split('\n').length - 1;
    return parsed;
  });
  return { path, lines };
}

function parseLine(raw: string, line: number): EnvironmentLine | null {
  if (raw.startsWith('#')) return { raw, line, name: null, value: '' };
  const [, name, value] = /^([^=\n]+)=([^]*)\n$/.exec(raw) ?? [];
  if (name === undefined || value === undefined) return null;
  return { raw, line, name, value: value.replace(/\\([^])/g, '$1') };
}

/** The block with another value for a variable that it has. */
export function withVariable(block: EnvironmentBlock, name: string, value: string): EnvironmentBlock {
  const raw = `${name}=${value.replace(/[\\\n]/g, '\\$&')}\n`;
  return { ...block, lines: block.lines.map((line) => (line.name === name ? { ...line, raw, value } : line)) };
}

/** A variable with its place; `null`: the block has none. Errors: `boot.source` where two lines set it. */
export function variableOf(block: EnvironmentBlock, name: string, host?: string): EnvironmentLine | null {
  const [first, second] = block.lines.filter((line) => line.name === name);
  if (second === undefined) return first ?? null;
  throw broken(`${block.path}:${second.line}`, `one line ${name}=`, 'a second one', host);
}

/** The bytes of a block. Errors: `boot.source` where the lines do not fit. */
export function printEnvironment(block: EnvironmentBlock, host?: string): string {
  const text = signature + block.lines.map((line) => line.raw).join('');
  if (text.length <= size) return text.padEnd(size, '#');
  throw new VfleetError({
    code: 'boot.source',
    host,
    thing: block.path,
    expected: `variables of at most ${size} bytes, which is all that GRUB reads`,
    found: `${text.length} bytes with what is wished`,
    next: 'take arguments or variables out of it that nobody needs (grub2-editenv); nothing was changed',
  });
}

function broken(thing: string, expected: string, found: string, host: string | undefined): VfleetError {
  const next = 'create it anew with grub2-editenv, from the values that it has; nothing was changed';
  return new VfleetError({ code: 'boot.source', host, thing, expected, found, next });
}

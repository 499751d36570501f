import { VfleetError } from '../errors.ts';
import type { FileState } from '../resources/resource.ts';
import { parseGrubDefault, type Statement } from './grub-default.ts';
import { refuseProblem } from './grub-problem.ts';

/** A sourced file that was read, and can be printed again byte for byte. */
export interface SourceText {
  readonly path: string;
  readonly text: string;
  readonly encoding: 'utf8' | 'latin1';
  readonly statements: readonly Statement[];
}

/** A file as text. One that is no UTF-8 (comments in GBK, say) is taken byte by byte. */
export function decode(bytes: Buffer): { readonly text: string; readonly encoding: 'utf8' | 'latin1' } {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes)
    ? { text, encoding: 'utf8' }
    : { text: bytes.toString('latin1'), encoding: 'latin1' };
}

/**
 * Reads a file that `grub-mkconfig` sources. `follow`: a symbolic link will do, because the file is only read.
 * Errors: `boot.source` for whatever would make that tool fail.
 */
export function readSource(path: string, file: FileState, host: string | undefined, follow = false): SourceText {
  const bytes = file.kind === 'file' || (follow && file.kind === 'other') ? file.bytes : undefined;
  if (bytes === undefined) {
    throw new VfleetError({
      code: 'boot.source',
      host,
      thing: path,
      expected: 'a regular file',
      found: file.kind === 'other' ? file.type : 'no such file',
      next: 'restore it, for example from the package of the boot loader; nothing was changed',
    });
  }
  const { text, encoding } = decode(bytes);
  const statements = parseGrubDefault(text);
  refuseProblem(path, text, statements, host);
  return { path, text, encoding, statements };
}

/** Refuses what the host's own shell cannot parse: `sh -n` said so. Errors: `boot.source`. */
export function refuseSyntax(complaints: string, host: string): void {
  const [first] = complaints.split('\n').filter((line) => line.trim() !== '');
  if (first === undefined) return;
  throw new VfleetError({
    code: 'boot.source',
    host,
    thing: first.slice(0, first.indexOf(': ')),
    expected: 'shell text that grub-mkconfig can read',
    found: first.slice(first.indexOf(': ') + 2),
    next: 'correct the file; nothing was changed',
  });
}

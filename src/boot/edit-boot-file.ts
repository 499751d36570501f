import type { BootFileKind } from './boot-file.ts';
import { editCmdline } from './edit-cmdline.ts';
import { editGrubDefault } from './edit-grub-default.ts';
import { editLoaderEntry } from './edit-loader-entry.ts';
import { unsafeFile } from './edit-options.ts';
import { readSource } from './source-text.ts';
import type { ArgumentWish } from './wish.ts';

/** A file as it would be after an edit. */
export interface BootFileEdit {
  readonly bytes: Buffer;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** What is odd about it, by file and line. */
  readonly notes: readonly string[];
}

/**
 * Edits one file that holds kernel arguments, of a host or a copy of such a one. `path` is for messages, and tells a drop-in of
 * `/etc/default/grub.d`. Errors: `boot.source` for what cannot be edited safely, `boot.contradiction`.
 */
export function editBootFile(path: string, bytes: Buffer, kind: BootFileKind, wish: ArgumentWish): BootFileEdit {
  if (kind === 'grub-default') return grubDefault(path, bytes, wish);
  const text = bytes.toString('latin1');
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    const line = text.slice(0, nul).split('\n').length;
    throw unsafeFile(`${path}:${line}`, 'text', 'a NUL byte', 'restore the file from a backup');
  }
  const edit =
    kind === 'cmdline'
      ? editCmdline(path, text, wish)
      : editLoaderEntry(path, text, wish, kind === 'bls' ? 'grub' : 'systemd-boot');
  return { ...edit, bytes: Buffer.from(edit.text, 'latin1') };
}

function grubDefault(path: string, bytes: Buffer, wish: ArgumentWish): BootFileEdit {
  const source = readSource(path, { kind: 'file', bytes, mode: '0644', owner: 'root:root' }, undefined);
  const dropIn = /(?:^|\/)grub\.d\/[^/]+$/.test(path);
  const edit = editGrubDefault(source, wish, { owned: [], defaults: true, dropIn });
  return { ...edit, bytes: Buffer.from(edit.text, source.encoding) };
}

import { editOptions, type OptionsEdit, shown, unsafeFile } from './edit-options.ts';
import { kernelLine } from './kernel-line.ts';
import type { ArgumentWish } from './wish.ts';

/** A file as an editor leaves it. */
export type EditedFile = Omit<OptionsEdit, 'values'> & { readonly text: string };

/**
 * Edits a file that is one line of arguments: `/etc/kernel/cmdline`, or a copy of `/proc/cmdline`. `text` has one character for
 * each byte; `owned` tokens are the runner's to replace. Errors: `boot.source` for what cannot be edited safely,
 * `boot.contradiction`.
 */
export function editCmdline(path: string, text: string, wish: ArgumentWish, owned: readonly string[] = []): EditedFile {
  const [, head = '', value = '', tail = ''] = /^([\t-\r \xa0]*)([^]*?)([\t-\r \xa0]*)$/.exec(text) ?? [];
  const line = head.split('\n').length;
  refuseLines(path, value, line);
  const edit = editOptions(path, [{ value, line }], wish, kernelLine('kernel', true), 'kernel', owned);
  const marked = edit.added.find((token) => token.includes('$'));
  const notes =
    marked === undefined
      ? edit.notes
      : [...edit.notes, `${path}:${line} ${marked} reaches the kernel as it is only where GRUB does not read it first`];
  const printed = edit.values.join('');
  // What comes first now may begin with a #.
  refuseLines(path, printed, line);
  // In a file with nothing but white space that stands behind.
  if (value === '') return { ...edit, text: printed === '' ? text : `${printed}${head === '' ? '\n' : head}`, notes };
  return { ...edit, text: head + printed + tail, notes };
}

/**
 * kernel-install joins several lines (90-loaderentry.install), and proxmox-boot-tool copies them into an entry, where only the
 * first is one of `options` (zz-proxmox-boot).
 */
function refuseLines(path: string, value: string, line: number): void {
  const lines = value.split('\n');
  const second = lines.findIndex((other, index) => index > 0 && other.trim() !== '');
  const remark = lines.findIndex((other) => other.trimStart().startsWith('#'));
  if (remark >= 0) {
    const thing = `${path}:${line + remark} ${shown(lines[remark] ?? '').trim()}`;
    throw unsafeFile(thing, 'arguments alone', 'a comment, which most tools take for arguments', 'remove that line');
  }
  if (second < 0) return;
  const thing = `${path}:${line + second} ${shown(lines[second] ?? '').trim()}`;
  const found = 'a second one, which some tools join to the first and others take for something else';
  throw unsafeFile(thing, 'one line', found, 'put all arguments on one line');
}

import type { EditedFile } from './edit-cmdline.ts';
import { editOptions, shown, unsafeFile } from './edit-options.ts';
import { type EntryReader, hiddenLine } from './entry-pairs.ts';
import { kernelLine } from './kernel-line.ts';
import type { ArgumentWish } from './wish.ts';

interface OptionsLine {
  readonly head: string;
  readonly value: string;
  readonly tail: string;
}

/**
 * Edits the `options` of a boot entry (the Boot Loader Specification, type 1). `text` has one character for each byte;
 * `owned` tokens are the runner's to replace. Errors: `boot.source` for what cannot be edited safely, `boot.contradiction`.
 */
export function editLoaderEntry(
  path: string,
  text: string,
  wish: ArgumentWish,
  reader: EntryReader,
  owned: readonly string[] = [],
): EditedFile {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  refuseOther(path, lines);
  const parsed = lines.map((line) => parseOptions(line, reader));
  const places = parsed.flatMap((options, index) => (options === null ? [] : [{ ...options, index, line: index + 1 }]));
  if (reader === 'grub') {
    refuseHidden(path, text);
    refuseForGrub(path, places, wish);
  }
  const rules = reader === 'grub' ? 'grub' : 'kernel';
  const edit = editOptions(path, places, wish, kernelLine(rules, reader === 'grub'), rules, owned);
  if (edit.added.length > 0 && places.every(({ value }) => value === '')) refuseFirst(path, lines, reader);
  const edited = [...lines];
  for (const [at, { index, head, value, tail }] of places.entries()) {
    const now = edit.values[at] ?? '';
    if (now === value) continue;
    if (reader === 'systemd-boot') refuseEnclosed(`${path}:${index + 1} ${shown(now)}`, head, now);
    edited[index] = `${head}${/[\s"']$/.test(head) || now === '' ? '' : ' '}${now}${tail}`;
  }
  const missing = edit.values[places.length];
  if (missing !== undefined) edited.push(newLine(lines, missing));
  return { ...edit, text: edited.join('') };
}

/** What boots nothing is no entry. */
function refuseOther(path: string, lines: readonly string[]): void {
  if (lines.some((line) => /^[ \t]*(?:linux|uki|uki-url|efi)[ \t]/.test(line))) return;
  const next = 'give --as for another kind of file, or restore the entry';
  throw unsafeFile(path, 'a boot entry, with a line `linux`, `uki` or `efi`', 'none', next);
}

/** systemd-boot takes off quotes around the whole value (`line_get_key_value` in src/boot/efi-string.c). */
function parseOptions(line: string, reader: EntryReader): OptionsLine | null {
  const [, head, rest = '', tail = ''] = /^([ \t]*options(?:[ \t]+|(?=\r?\n?$)))([^]*?)([ \t\r]*\n?)$/.exec(line) ?? [];
  if (head === undefined) return null;
  const mark = rest[0] ?? '';
  if (reader === 'grub' || rest.length < 2 || !['"', "'"].includes(mark) || !rest.endsWith(mark)) {
    return { head, value: rest, tail };
  }
  return { head: head + mark, value: rest.slice(1, -1), tail: mark + tail };
}

/**
 * Where an entry has no options, others count, which a first line would put out of force: `default_kernelopts`, which `grub.cfg`
 * sets (`create_entry` in blscfg.c), or the command line inside a unified kernel image (systemd-stub(7)).
 */
function refuseFirst(path: string, lines: readonly string[], reader: EntryReader): void {
  if (reader === 'systemd-boot' && lines.some((line) => /^[ \t]*linux[ \t]/.test(line))) return;
  const found = 'none, so that arguments from elsewhere count, which a first line would put out of force';
  const next = 'write the whole line of options yourself, with root= and all that boots now (/proc/cmdline)';
  throw unsafeFile(path, 'a line of options', found, next);
}

/** With the file's own line end; the line that was the last gets one if it had none. */
function newLine(lines: readonly string[], value: string): string {
  const end = lines[0]?.endsWith('\r\n') ? '\r\n' : '\n';
  return `${lines.at(-1)?.endsWith('\n') ? '' : end}options ${value}${end}`;
}

/**
 * `blscfg` takes the first `options` line alone, and puts in the value of whatever follows a `$`, which no backslash prevents
 * (`create_entry`, `expand_val` in grub-core/commands/blscfg.c of Fedora's GRUB).
 */
function refuseForGrub(path: string, places: readonly { readonly index: number }[], wish: ArgumentWish): void {
  const [, second] = places;
  if (second !== undefined) {
    const thing = `${path}:${second.index + 1} options`;
    const found = 'a second one, of which GRUB takes no notice';
    throw unsafeFile(thing, 'one line of options', found, 'put all arguments on the first one');
  }
  const marked = wish.present.find((token) => token.includes('$'));
  if (marked === undefined) return;
  const found = 'a $, for which GRUB puts a variable into an entry, however it is quoted';
  throw unsafeFile(`${path} ${marked}`, 'an argument that GRUB leaves as it is', found, 'set it in /etc/default/grub');
}

/** What GRUB does not see is not there for it, whatever it says. */
function refuseHidden(path: string, text: string): void {
  const hidden = hiddenLine(text);
  if (hidden === null) return;
  const next = 'write one space after each key, and take out empty lines and keys without a value';
  throw unsafeFile(`${path}:${hidden.line}`, 'lines that GRUB reads', hidden.why, next);
}

/** What was not enclosed in quotes, and would be now, loses them. */
function refuseEnclosed(thing: string, head: string, value: string): void {
  const mark = value[0] ?? '';
  if (/["']$/.test(head) || value.length < 2 || !['"', "'"].includes(mark) || !value.endsWith(mark)) return;
  const next = 'write name="a b" in the place of "name=a b" at one end of the line';
  throw unsafeFile(thing, 'no quotes at both ends', 'a pair, which systemd-boot takes off', next);
}

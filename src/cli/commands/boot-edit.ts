import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { contradicts, parseArgument, sameName } from '../../boot/arguments.ts';
import { type BootFileKind, guessKind } from '../../boot/boot-file.ts';
import { type BootFileEdit, editBootFile } from '../../boot/edit-boot-file.ts';
import { isWordList } from '../../boot/kernel-parameter.ts';
import type { ArgumentWish } from '../../boot/wish.ts';
import { VfleetError } from '../../errors.ts';
import { ioReason } from '../../inventory/text-file.ts';
import { escapeLine } from '../../report/escape.ts';
import { createPaint } from '../../report/paint.ts';
import { diffLines } from '../../report/text/diff.ts';
import { type ArgumentValue, absent } from '../../resources/argument-value.ts';
import { parseArgumentWish } from '../../resources/argument-wish.ts';
import { diffOf } from '../../resources/diff.ts';
import type { Environment } from '../environment.ts';
import { hasColour, say, write } from '../output.ts';
import { UsageError } from '../usage-error.ts';

/** What `boot edit` parses. */
export interface EditArguments {
  readonly file: string;
  readonly set?: readonly string[] | undefined;
  readonly unset?: readonly string[] | undefined;
  readonly as?: BootFileKind | undefined;
  readonly exact: boolean;
  readonly diff: boolean;
  readonly color?: boolean | undefined;
}

/** Prints a file as the editor leaves it, or the difference; what is to be said of it goes to standard error. */
export async function edit(args: EditArguments, environment: Environment): Promise<void> {
  const wish = wishOf(args);
  const path = args.file === '-' ? null : args.file;
  const before = await read(path);
  const kind = args.as ?? guessKind(path, before.toString('latin1'));
  const name = path ?? 'standard input';
  const result = editBootFile(name, before, kind, wish);
  if (args.diff) write(diff(name, before, result.bytes, hasColour(args, environment, process.stdout)));
  // Byte for byte, whatever its encoding.
  else process.stdout.write(result.bytes);
  for (const note of notesOf(name, kind, result, before)) say(`note: ${escapeLine(note)}\n`);
}

function notesOf(name: string, kind: BootFileKind, { bytes, notes }: BootFileEdit, before: Buffer): readonly string[] {
  return bytes.equals(before) ? [`${name}, read as ${kind}: nothing to change`, ...notes] : notes;
}

function wishOf({ set = [], unset = [], exact }: EditArguments): ArgumentWish {
  if (set.length + unset.length === 0) throw new UsageError('boot edit: give --set NAME=VALUE or --unset NAME');
  const values = new Map<string, ArgumentValue>();
  const wished = set.map(parseArgument);
  for (const argument of wished) {
    const { name, token, value } = argument;
    const others = wished.filter((other) => sameName(other.name, name) && (other.value === null) !== (value === null));
    if (others.length > 0) throw new UsageError(`--set ${token}: with a value and without one`);
    // Several of one name are written one after the other, as `console=` needs; words that rule one another out are a slip.
    const against = wished.find((other) => isWordList(name) && contradicts(argument, other));
    if (against !== undefined) throw new UsageError(`--set ${token} and --set ${against.token}: only one can be meant`);
    const before = values.get(name);
    values.set(name, value === null ? true : [...new Set([...(Array.isArray(before) ? before : []), value])]);
  }
  for (const name of unset) {
    if (name.includes('='))
      throw new UsageError(`--unset ${name}: expected a name alone, such as ${name.split('=')[0]}`);
    if (wished.some((other) => sameName(other.name, name))) throw new UsageError(`--unset ${name}: it is set too`);
    values.set(name, absent());
  }
  const wish = parseArgumentWish(Object.fromEntries(values));
  return exact ? { ...wish, exact: wish.present } : wish;
}

async function read(path: string | null): Promise<Buffer> {
  if (path === null) return buffer(process.stdin);
  try {
    return await readFile(path);
  } catch (cause) {
    const next = 'check --file; `-` reads standard input';
    throw new VfleetError({
      code: 'boot.file',
      thing: `--file ${path}`,
      expected: 'a file',
      found: ioReason(cause),
      next,
      cause,
    });
  }
}

function diff(path: string, before: Buffer, after: Buffer, colour: boolean): string {
  if (before.equals(after)) return '';
  const attributes = { mode: '0644', owner: 'root:root' };
  const text = diffOf(
    path,
    { kind: 'file', bytes: shown(before), ...attributes },
    { bytes: shown(after), ...attributes },
  );
  return diffLines(text, createPaint(colour))
    .map((line) => `${line}\n`)
    .join('');
}

/** A file that is not UTF-8 is shown one character for each byte. */
function shown(bytes: Buffer): Buffer {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? bytes : Buffer.from(bytes.toString('latin1'), 'utf8');
}

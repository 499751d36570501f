import { isRespelled, sameName } from '../boot/arguments.ts';
import { wrongValue } from '../boot/kernel-parameter.ts';
import type { ArgumentWish } from '../boot/wish.ts';
import { VfleetError } from '../errors.ts';
import { type ArgumentValue, exactValue, isAbsentValue } from './argument-value.ts';

/** Turns a playbook's values into tokens. Errors: `arguments.invalid`, which names the argument and the reason. */
export function parseArgumentWish(values: Readonly<Record<string, ArgumentValue>>): ArgumentWish {
  const present: string[] = [];
  const absent: string[] = [];
  const exact: string[] = [];
  const seen: (readonly [name: string, value: ArgumentValue])[] = [];
  for (const [name, value] of Object.entries(values)) {
    if (value === false || value === null || value === undefined) continue;
    refuseName(name, value, seen);
    seen.push([name, value]);
    const demanded = exactValue(value);
    if (isAbsentValue(value)) absent.push(name);
    else present.push(...tokensOf(name, demanded ?? value));
    if (demanded !== undefined) exact.push(...tokensOf(name, demanded));
  }
  return { present, absent, ...(exact.length > 0 && { exact }) };
}

/** Two names of one argument are for tools that know one of them, and say the same. */
function refuseName(
  name: string,
  value: ArgumentValue,
  seen: readonly (readonly [name: string, value: ArgumentValue])[],
): void {
  if (!/^[A-Za-z0-9_][\w.:-]*$/.test(name)) {
    const next = name.includes('=') ? 'write the value beside the name: { iommu: "pt" }' : 'correct the name';
    throw invalid(JSON.stringify(name), 'letters, digits and . _ - :', 'something else in the name', next);
  }
  const twin = seen.find(([other, said]) => sameName(other, name) && !isRespelling(other, said, name, value))?.[0];
  if (twin !== undefined) {
    const found = `${twin} too, which is the same argument`;
    throw invalid(
      name,
      'one wish for each argument',
      found,
      'drop one of them, or write old and new name with one value',
    );
  }
}

function isRespelling(name: string, value: ArgumentValue, other: string, otherValue: ArgumentValue): boolean {
  const [text, otherText] = [exactValue(value) ?? value, exactValue(otherValue) ?? otherValue];
  if (typeof text !== 'string' || typeof otherText !== 'string') return false;
  return isRespelled({ token: '', name, value: text }, { token: '', name: other, value: otherText });
}

function tokensOf(name: string, value: unknown): readonly string[] {
  if (value === true) return [name];
  if (typeof value === 'string') return [token(name, value)];
  const found = Array.isArray(value)
    ? 'an empty list, or one of other things than texts'
    : `a value of type ${typeof value}`;
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')) {
    return value.map((item: string) => token(name, item));
  }
  throw invalid(name, 'a text, true, a list of texts, exactly(text) or absent()', found, 'write numbers as texts: "1"');
}

function token(name: string, value: string): string {
  const thing = `${name}=${JSON.stringify(value).slice(1, -1)}`;
  if (!/^[\x20-\x7e]*$/.test(value)) throw invalid(thing, 'printable ASCII', 'another character', 'correct the value');
  // GRUB passes these on with a backslash before them (`grub_create_loader_cmdline` in grub-core/lib/cmdline.c).
  const mark = /["'\\]/.exec(value)?.[0];
  if (mark)
    throw invalid(thing, 'a value that reaches the kernel as it is', `the character ${mark} in it`, 'leave it out');
  const wrong = wrongValue(name, value);
  if (wrong !== null) throw invalid(thing, 'a value that the kernel knows', wrong.found, wrong.next);
  return value.includes(' ') ? `${name}="${value}"` : `${name}=${value}`;
}

function invalid(argument: string, expected: string, found: string, next: string): VfleetError {
  return new VfleetError({ code: 'arguments.invalid', thing: `kernel argument ${argument}`, expected, found, next });
}

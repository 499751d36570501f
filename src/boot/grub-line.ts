import { render } from '../template/template.ts';
import { parseArgument, sameName } from './arguments.ts';
import { grubWord, kernelToken } from './grub-word.ts';
import { appendText, removeToken, replaceToken, tokensOf, type ValueToken } from './shell-value.ts';
import type { Unit } from './shell-word.ts';
import { type ArgumentWish, isAbsent, missingInOrder } from './wish.ts';

/** The values of the assignments that make up `GRUB_CMDLINE_LINUX`, in order. */
export type Values = readonly (readonly Unit[])[];

export interface LineEdit {
  readonly values: Values;
  /** Tokens that the line lacked. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Edits arguments token by token: what the wish wants gone is removed, own tokens that it does not want any more are
 * replaced or removed, and what is missing is put at the end. Foreign tokens and all blanks stay byte for byte. `after`
 * are the arguments that follow on a boot entry's line.
 */
export function editLine(
  values: Values,
  wish: ArgumentWish,
  owned: readonly string[],
  after: readonly string[],
): LineEdit {
  const removed: string[] = [];
  const added: string[] = [];
  let edited = values;
  for (;;) {
    const found = last(edited, (token) => isAbsent(wish, token));
    if (found === null) break;
    edited = found.without;
    removed.push(kernelToken(found.token.text));
  }
  for (const stale of owned.filter((token) => !wish.present.includes(token))) {
    const found = last(edited, (token) => token === stale);
    if (found === null) continue;
    removed.push(stale);
    const heirs = wish.present.filter((token) => sameName(parseArgument(token).name, parseArgument(stale).name));
    const heir = heirs.length === 1 ? heirs[0] : undefined;
    const lacks = heir !== undefined && missingInOrder([heir], [...lineOfValues(found.without), ...after]).length > 0;
    edited = lacks ? found.replacedBy(grubWord(heir)) : found.without;
    if (lacks) added.push(heir);
  }
  const missing = missingInOrder(wish.present, [...lineOfValues(edited), ...after]);
  const text = render('grub-cmdline.hbs', { words: missing.map(grubWord) });
  const end = edited.at(-1) ?? [];
  if (missing.length > 0) edited = [...edited.slice(0, -1), appendText(end, text)];
  return { values: edited, added: [...added, ...missing], removed };
}

/** The arguments of values, as the kernel gets them; what nobody can know is left out. */
export function lineOfValues(values: Values): readonly string[] {
  return values.flatMap((units) =>
    tokensOf(units)
      .filter((token) => !token.opaque)
      .map((token) => kernelToken(token.text)),
  );
}

interface Found {
  readonly token: ValueToken;
  readonly without: Values;
  replacedBy(text: string): Values;
}

/** The last token of which something holds: what the runner added stands at the end. */
function last(values: Values, holds: (token: string) => boolean): Found | null {
  for (let index = values.length - 1; index >= 0; index--) {
    const units = values[index] ?? [];
    const token = tokensOf(units).findLast((candidate) => !candidate.opaque && holds(kernelToken(candidate.text)));
    if (token === undefined) continue;
    const swap = (value: readonly Unit[]): Values => values.map((old, at) => (at === index ? value : old));
    return {
      token,
      without: swap(removeToken(units, token)),
      replacedBy: (text) => swap(replaceToken(units, token, text)),
    };
  }
  return null;
}

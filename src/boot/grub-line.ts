import { render } from '../template/template.ts';
import type { LineSyntax } from './edit-line.ts';
import { grubWord } from './grub-word.ts';
import { appendText, removeToken, replaceToken, tokensOf } from './shell-value.ts';
import type { Unit } from './shell-word.ts';

/** The value of a shell assignment, which `10_linux` copies into a `grub.cfg`: quoted for the shell, and then for GRUB. */
export const grubLine: LineSyntax<readonly Unit[]> = {
  tokens: tokensOf,
  without: removeToken,
  replaced: (units, token, argument) => replaceToken(units, token, grubWord(argument)),
  extended: (units, added) => appendText(units, render('grub-cmdline.hbs', { words: added.map(grubWord) })),
  empty: [],
};

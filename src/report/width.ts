import { stripVTControlCharacters } from 'node:util';

// Two columns: East_Asian_Width W and F of Unicode Standard Annex #11, by block, and emoji shown as pictures.
const wide =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

// None: marks that combine with the character before, and Hangul vowels and finals that complete a syllable.
const joining = /[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]/u;
const plain = /^[\x20-\x7e]*$/;

/** Columns that a text takes on a terminal, colours left out. */
export function displayWidth(text: string): number {
  const visible = text.includes('\x1b') ? stripVTControlCharacters(text) : text;
  if (plain.test(visible)) return visible.length;
  let width = 0;
  for (const character of visible) width += characterWidth(character);
  return width;
}

/** The text with spaces after it, up to a number of columns. */
export function padRight(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

/** The text with spaces before it, up to a number of columns. */
export function padLeft(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - displayWidth(text))) + text;
}

/** At most a number of columns of a text without colours; what is cut is shown by `…`. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  if (columns < 1) return '';
  let kept = '';
  let width = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

function characterWidth(character: string): number {
  if (joining.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

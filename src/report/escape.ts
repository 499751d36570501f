// Control, format (bidi overrides, zero-width characters) and unpaired surrogate characters, line and paragraph
// separators, private use and unassigned code points: general categories C* and Zl, Zp of the Unicode Standard, §4.5.
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu;

// Well-formed UTF-8, the Unicode Standard, table 3-7; any other byte above ASCII is not part of a character.
const utf8 =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Text of somebody else's as one line that a terminal only shows: it can move no cursor, set no colour and turn no
 * direction. What is not printable stands as `\n`, `\x1b`, `\u{202e}`; bytes that are not UTF-8 as `\xff`.
 */
export function escapeLine(text: string | Uint8Array): string {
  return decoded(text).replace(unprintable, escapeCharacter);
}

/** The same for text of many lines: its line ends part it, its tabs stay. */
export function escapeLines(text: string | Uint8Array): readonly string[] {
  const lines = decoded(text).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => line.replace(unprintable, (found) => (found === '\t' ? found : escapeCharacter(found))));
}

/** JSON text that a terminal only shows, and that says the same: what is not printable stands as `\u202e`. */
export function escapeJson(json: string): string {
  return json.replace(unprintable, (found) => (found === '\n' ? found : utf16(found)));
}

function escapeCharacter(found: string): string {
  const code = found.codePointAt(0) ?? 0;
  return named[found] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`);
}

function utf16(found: string): string {
  const units = Array.from({ length: found.length }, (_, index) => found.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

function decoded(text: string | Uint8Array): string {
  if (typeof text === 'string') return text;
  const binary = Buffer.from(text).toString('latin1');
  return binary.replace(utf8, (found) =>
    found.length === 1 ? `\\x${found.charCodeAt(0).toString(16)}` : Buffer.from(found, 'latin1').toString('utf8'),
  );
}

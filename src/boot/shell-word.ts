/** How a character is quoted in a shell word. */
export type Quote = 'none' | 'single' | 'double';

/** A piece of a shell word. `raw` is what stands in the file; together the pieces are the word, byte for byte. */
export type Unit = { readonly raw: string; readonly quote: Quote } & (
  | {
      readonly kind: 'text' /** What the shell makes of it: one character, or none for a continued line. */;
      readonly text: string;
    }
  | { readonly kind: 'mark'; readonly opens: boolean }
  | { readonly kind: 'variable'; readonly name: string }
  /** A command substitution or another expansion: it is never evaluated. */
  | { readonly kind: 'unknown' }
);

/** A word that has no end: an unclosed quote or substitution. */
export interface Unclosed {
  readonly problem: string;
  /** Where it opens. */
  readonly at: number;
}

/** Reads one word of a POSIX shell (XCU 2.3, 2.2), from `start` to the first blank or operator outside quotes. */
export function readWord(
  text: string,
  start: number,
): { readonly units: readonly Unit[]; readonly end: number } | Unclosed {
  const units: Unit[] = [];
  let quote: Quote = 'none';
  let opened = start;
  let at = start;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (quote === 'none' && /[ \t\n;&|<>()]/.test(character)) break;
    if (character === "'" && quote !== 'double') {
      quote = quote === 'none' ? 'single' : 'none';
      units.push({ kind: 'mark', raw: character, quote: 'single', opens: quote === 'single' });
      if (quote === 'single') opened = at;
      at += 1;
    } else if (character === '"' && quote !== 'single') {
      quote = quote === 'none' ? 'double' : 'none';
      units.push({ kind: 'mark', raw: character, quote: 'double', opens: quote === 'double' });
      if (quote === 'double') opened = at;
      at += 1;
    } else {
      const unit = quote === 'single' ? plain(character, quote) : readUnit(text, at, quote);
      if ('problem' in unit) return unit;
      units.push(unit);
      at += unit.raw.length;
    }
  }
  if (quote !== 'none') return { problem: `a ${quote} quote that is never closed`, at: opened };
  return { units, end: at };
}

function plain(character: string, quote: Quote): Unit {
  return { kind: 'text', raw: character, text: character, quote };
}

/** One unit outside quotes or between double quotes. */
function readUnit(text: string, at: number, quote: Quote): Unit | Unclosed {
  const character = text[at] ?? '';
  if (character === '\\') return readEscape(text, at, quote);
  if (character !== '$' && character !== '`') return plain(character, quote);
  const variable = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/.exec(text.slice(at, at + 200));
  if (variable) return { kind: 'variable', raw: variable[0], name: variable[1] ?? variable[2] ?? '', quote };
  const special = /^\$(?:[0-9@*#?$!-]|\\\n)/.exec(text.slice(at, at + 3));
  if (special) return { kind: 'unknown', raw: special[0], quote };
  const end = expansionEnd(text, at);
  if (end === null)
    return { problem: `${character === '`' ? 'a backquote' : text.slice(at, at + 2)} that is never closed`, at };
  return end === at ? plain(character, quote) : { kind: 'unknown', raw: text.slice(at, end), quote };
}

function readEscape(text: string, at: number, quote: Quote): Unit {
  const next = text[at + 1];
  if (next === undefined) return plain('\\', quote);
  if (next === '\n') return { kind: 'text', raw: '\\\n', text: '', quote };
  // Between double quotes a backslash before anything else means itself (XCU 2.2.3).
  if (quote === 'double' && !'$`"\\'.includes(next)) return plain('\\', quote);
  return { kind: 'text', raw: `\\${next}`, text: next, quote };
}

/** Where an expansion that begins at `at` ends; `at` when none begins there; `null` when it is never closed. */
function expansionEnd(text: string, at: number): number | null {
  if (text[at] === '`') return quotedEnd(text, at, '`');
  if (text[at] !== '$') return at;
  if (text[at + 1] === '(') return bracketEnd(text, at + 2, '(', ')');
  if (text[at + 1] === '{') return bracketEnd(text, at + 2, '{', '}');
  return at;
}

/** Past the bracket that closes the one before `at`; quotes and nested brackets inside are passed over. */
function bracketEnd(text: string, at: number, open: string, close: string): number | null {
  let depth = 1;
  while (at < text.length) {
    const character = text[at];
    if (character === '\\') at += 2;
    else if (character === "'" || character === '"' || character === '`') {
      const end = quotedEnd(text, at, character);
      if (end === null) return null;
      at = end;
    } else {
      if (character === open) depth += 1;
      if (character === close) depth -= 1;
      at += 1;
      if (depth === 0) return at;
    }
  }
  return null;
}

/** Past the quote that closes the one at `at`. */
function quotedEnd(text: string, at: number, mark: string): number | null {
  at += 1;
  while (at < text.length) {
    const character = text[at];
    if (character === mark) return at + 1;
    if (character === '\\' && mark !== "'") at += 2;
    else if (mark === '"' && (character === '$' || character === '`')) {
      const end = expansionEnd(text, at);
      if (end === null) return null;
      at = end === at ? at + 1 : end;
    } else at += 1;
  }
  return null;
}

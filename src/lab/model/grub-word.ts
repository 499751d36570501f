/** A piece of a word of GRUB's script language. Quoted variables are not split at white space. */
export type WordPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string; readonly quoted: boolean };

export type Word = readonly WordPart[];

export type Token =
  | { readonly kind: 'word'; readonly word: Word; readonly bare: boolean }
  /** A line feed counts as `;`. */
  | { readonly kind: 'mark'; readonly mark: ';' | '{' | '}' | '|' | '&' | '<' | '>' };

/** The text ends within a quote, so that GRUB would ask for more lines. */
export const unfinished = Symbol('unfinished');

/**
 * Splits script text into tokens. Source: "Quoting" and "Words, operators and reserved words" of the GRUB manual;
 * grub-core/script/yylex.l.
 */
export function readTokens(text: string): readonly Token[] | typeof unfinished {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === '\n') {
      tokens.push({ kind: 'mark', mark: ';' });
      at += 1;
    } else if (/\s/.test(character)) {
      at += 1;
    } else if (character === '#') {
      while (at < text.length && text[at] !== '\n') at += 1;
    } else if (isMark(character)) {
      tokens.push({ kind: 'mark', mark: character });
      at += 1;
    } else {
      const read = readWord(text, at);
      if (read === unfinished) return unfinished;
      // A backslash before a line feed alone leaves no word; empty quotes leave an empty one.
      if (read.word.length > 0) tokens.push({ kind: 'word', word: read.word, bare: read.bare });
      at = read.end;
    }
  }
  return tokens;
}

type Mark = Extract<Token, { kind: 'mark' }>['mark'];

function isMark(character: string): character is Mark {
  return ';{}|&<>'.includes(character) && character !== '';
}

interface ReadWord {
  readonly word: Word;
  /** No quote or variable in it: it may be a reserved word. */
  readonly bare: boolean;
  readonly end: number;
}

function readWord(text: string, start: number): ReadWord | typeof unfinished {
  const parts: WordPart[] = [];
  let bare = true;
  let at = start;
  const add = (piece: string) => parts.push({ kind: 'text', text: piece });
  while (at < text.length) {
    const character = text[at] ?? '';
    if (/\s/.test(character) || isMark(character)) break;
    if (character === '\\') {
      if (at + 1 >= text.length) return unfinished;
      bare = false;
      if (text[at + 1] !== '\n') add(text[at + 1] ?? '');
      at += 2;
    } else if (character === "'") {
      const end = text.indexOf("'", at + 1);
      if (end === -1) return unfinished;
      bare = false;
      add(text.slice(at + 1, end));
      at = end + 1;
    } else if (character === '"') {
      const end = readQuoted(text, at + 1, parts);
      if (end === null) return unfinished;
      bare = false;
      at = end;
    } else if (character === '$') {
      at = readVariable(text, at, false, parts);
      bare = false;
    } else {
      add(character);
      at += 1;
    }
  }
  return { word: parts, bare, end: at };
}

/** Reads up to the closing double quote; resolves to the place after it. */
function readQuoted(text: string, start: number, parts: WordPart[]): number | null {
  let at = start;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === '"') {
      // An empty text makes the word exist.
      parts.push({ kind: 'text', text: '' });
      return at + 1;
    }
    if (character === '\\' && at + 1 < text.length) {
      const next = text[at + 1] ?? '';
      if (next !== '\n') parts.push({ kind: 'text', text: '$"\\'.includes(next) ? next : `\\${next}` });
      at += 2;
    } else if (character === '$') {
      at = readVariable(text, at, true, parts);
    } else {
      parts.push({ kind: 'text', text: character });
      at += 1;
    }
  }
  return null;
}

/** Reads `$name`, `${name}`, `$1`, `$?`, `$@`; another dollar sign is itself. */
function readVariable(text: string, at: number, quoted: boolean, parts: WordPart[]): number {
  const match = /^\$(?:\{([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[?@*#])\}|([A-Za-z_][A-Za-z0-9_]*|[0-9]|[?@*#]))/.exec(
    text.slice(at, at + 200),
  );
  if (match === null) {
    parts.push({ kind: 'text', text: '$' });
    return at + 1;
  }
  parts.push({ kind: 'variable', name: match[1] ?? match[2] ?? '', quoted });
  return at + match[0].length;
}

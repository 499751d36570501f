/**
 * The syntax of a `grub.cfg`, as far as menus need it: commands, blocks in braces, `if`, loops (GRUB manual, "Writing full
 * configuration files directly"; grub-core/script/yylex.l). Anything else is read as far as it goes: it never throws.
 */
export type Statement =
  | { readonly kind: 'command'; readonly words: readonly Word[]; readonly text: string }
  | { readonly kind: 'block'; readonly words: readonly Word[]; readonly body: readonly Statement[] }
  | { readonly kind: 'if'; readonly branches: readonly Branch[]; readonly otherwise: readonly Statement[] }
  | { readonly kind: 'loop'; readonly body: readonly Statement[] };

export interface Branch {
  readonly condition: readonly Statement[];
  readonly body: readonly Statement[];
}

export interface Word {
  readonly parts: readonly Part[];
  /** As it stands, quotes included. */
  readonly raw: string;
  /** Offset of the character after it in the text. */
  readonly end: number;
}

export type Part = { readonly text: string } | { readonly variable: string };

type Token = { readonly kind: 'word'; readonly word: Word; readonly start: number } | Mark;
interface Mark {
  readonly kind: '{' | '}' | 'end';
  readonly start: number;
}

/** Blocks nested deeper than this are left out, so that no text exhausts the stack. */
const deepest = 60;

/** Reads the text of a `grub.cfg`. */
export function parseGrubScript(text: string): readonly Statement[] {
  const reader: Reader = { text, tokens: tokenize(text), next: 0 };
  const statements: Statement[] = [];
  // A brace or a `fi` too many ends a list early; what follows is still read.
  while (reader.next < reader.tokens.length) {
    statements.push(...readList(reader, [], 0));
    reader.next++;
  }
  return statements;
}

interface Reader {
  readonly text: string;
  readonly tokens: readonly Token[];
  next: number;
}

const closers = new Set(['then', 'elif', 'else', 'fi', 'do', 'done']);

/** Reads statements up to a closing word or brace, and leaves that for the caller. */
function readList(reader: Reader, stop: readonly string[], depth: number): readonly Statement[] {
  const statements: Statement[] = [];
  for (let token = peek(reader); token !== undefined; token = peek(reader)) {
    if (token.kind === '}') break;
    if (token.kind !== 'word') {
      reader.next++;
      continue;
    }
    const word = token.word.raw;
    if (closers.has(word)) {
      if (stop.includes(word) || depth > 0) break;
      reader.next++;
      continue;
    }
    const statement = depth > deepest ? skip(reader) : readStatement(reader, word, depth);
    if (statement !== null) statements.push(statement);
  }
  return statements;
}

function readStatement(reader: Reader, word: string, depth: number): Statement {
  if (word === 'if') return readIf(reader, depth);
  if (word === 'for' || word === 'while' || word === 'until') return readLoop(reader, depth);
  return readCommand(reader, depth);
}

function skip(reader: Reader): null {
  reader.next = reader.tokens.length;
  return null;
}

function readIf(reader: Reader, depth: number): Statement {
  const branches: Branch[] = [];
  do {
    reader.next++;
    const condition = readList(reader, ['then'], depth + 1);
    accept(reader, 'then');
    branches.push({ condition, body: readList(reader, ['elif', 'else', 'fi'], depth + 1) });
  } while (at(reader, 'elif'));
  const otherwise = accept(reader, 'else') ? readList(reader, ['fi'], depth + 1) : [];
  accept(reader, 'fi');
  return { kind: 'if', branches, otherwise };
}

function readLoop(reader: Reader, depth: number): Statement {
  reader.next++;
  readList(reader, ['do'], depth + 1);
  accept(reader, 'do');
  const body = readList(reader, ['done'], depth + 1);
  accept(reader, 'done');
  return { kind: 'loop', body };
}

function readCommand(reader: Reader, depth: number): Statement {
  const words: Word[] = [];
  const start = peek(reader)?.start ?? 0;
  let token = peek(reader);
  for (; token?.kind === 'word'; token = peek(reader)) {
    words.push(token.word);
    reader.next++;
  }
  if (token?.kind !== '{') return { kind: 'command', words, text: reader.text.slice(start, words.at(-1)?.end) };
  reader.next++;
  const body = readList(reader, [], depth + 1);
  if (peek(reader)?.kind === '}') reader.next++;
  return { kind: 'block', words, body };
}

function peek(reader: Reader): Token | undefined {
  return reader.tokens[reader.next];
}

function at(reader: Reader, word: string): boolean {
  const token = peek(reader);
  return token?.kind === 'word' && token.word.raw === word;
}

function accept(reader: Reader, word: string): boolean {
  const found = at(reader, word);
  if (found) reader.next++;
  return found;
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let i = 0;
  while (i < text.length) {
    const c = text.charAt(i);
    if (c === '#') i = endOfLine(text, i);
    else if (c === '\\' && text.charAt(i + 1) === '\n') i += 2;
    else if (c === '\n' || c === ';') tokens.push({ kind: 'end', start: i++ });
    else if (c === '{' || c === '}') tokens.push({ kind: c, start: i++ });
    else if (/\s/.test(c)) i++;
    else {
      const word = readWord(text, i);
      tokens.push({ kind: 'word', word, start: i });
      i = word.end;
    }
  }
  return tokens;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

function readWord(text: string, start: number): Word {
  const parts: Part[] = [];
  let quoted = false;
  let i = start;
  while (i < text.length) {
    const c = text.charAt(i);
    const variable = c === '$' ? variableAt(text, i) : null;
    if (variable !== null) {
      parts.push({ variable: variable.name });
      i = variable.end;
    } else if (c === '"') {
      quoted = !quoted;
      i++;
    } else if (c === "'" && !quoted) {
      const end = text.indexOf("'", i + 1);
      parts.push({ text: text.slice(i + 1, end < 0 ? text.length : end) });
      i = end < 0 ? text.length : end + 1;
    } else if (c === '\\' && i + 1 < text.length) {
      const next = text.charAt(i + 1);
      parts.push({ text: next === '\n' ? '' : quoted && !'"$\\'.includes(next) ? c + next : next });
      i += 2;
    } else if (!quoted && /[\s;{}]/.test(c)) {
      break;
    } else {
      parts.push({ text: c });
      i++;
    }
  }
  return { parts, raw: text.slice(start, i), end: i };
}

function variableAt(text: string, at: number): { readonly name: string; readonly end: number } | null {
  const pattern = /\$(?:\{([A-Za-z0-9_?@#*]+)\}|([A-Za-z_][A-Za-z0-9_]*|[0-9?@#*]))/y;
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  const name = found?.[1] ?? found?.[2];
  return name === undefined ? null : { name, end: pattern.lastIndex };
}

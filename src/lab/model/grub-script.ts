import { readTokens, type Token, unfinished, type Word } from './grub-word.ts';

/** One statement of GRUB's script language. */
export type Statement =
  | { readonly kind: 'command'; readonly words: readonly Word[]; readonly block: readonly Statement[] | null }
  | { readonly kind: 'if'; readonly branches: readonly Branch[] }
  | { readonly kind: 'function'; readonly name: string; readonly body: readonly Statement[] };

/** `else` has an empty condition, which is true. */
interface Branch {
  readonly condition: readonly Statement[];
  readonly body: readonly Statement[];
}

export interface GrubScript {
  readonly statements: readonly Statement[];
  /** What GRUB would complain about on the screen, with line numbers. */
  readonly errors: readonly string[];
}

/**
 * Reads a configuration file as GRUB does: command by command, each with as many lines as it needs. What has a syntax
 * error, or is cut off by the end of the file, is dropped with its lines, and reading goes on after it.
 * Source: `read_config_file()` of grub-core/normal/main.c, grub-core/script/parser.y.
 */
export function readGrubScript(text: string): GrubScript {
  const lines = text.split('\n');
  const statements: Statement[] = [];
  const errors: string[] = [];
  for (let start = 0; start < lines.length; ) {
    let end = start;
    let unit = readUnit(lines[start] ?? '');
    while (unit === unfinished && end + 1 < lines.length) {
      end += 1;
      unit = readUnit(lines.slice(start, end + 1).join('\n'));
    }
    if (unit === unfinished || unit === null) errors.push(`syntax error near line ${end + 1}`);
    else statements.push(...unit);
    start = end + 1;
  }
  return { statements, errors };
}

/** `null`: a syntax error. */
function readUnit(text: string): readonly Statement[] | typeof unfinished | null {
  const tokens = readTokens(text);
  if (tokens === unfinished) return unfinished;
  const reader = new Reader(tokens);
  try {
    const statements = reader.statements([]);
    return reader.atEnd() ? statements : null;
  } catch (thrown) {
    if (thrown === unfinished) return unfinished;
    if (thrown === wrong) return null;
    throw thrown;
  }
}

const wrong = Symbol('wrong');
const reserved = ['if', 'then', 'elif', 'else', 'fi', 'function', 'while', 'until', 'for', 'do', 'done'];

/** Recursive descent over the tokens of one unit. Throws `unfinished` at the end of the tokens, `wrong` on an error. */
class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  atEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** Statements up to one of the closing words, or to `}`, or to the end where nothing closes. */
  statements(closing: readonly string[]): readonly Statement[] {
    const found: Statement[] = [];
    for (;;) {
      while (this.#mark() === ';') this.#at += 1;
      if (this.atEnd()) {
        if (closing.length > 0) throw unfinished;
        return found;
      }
      const next = this.#reserved() ?? this.#mark();
      if (next !== null && closing.includes(next)) return found;
      found.push(this.#statement(next));
      const after = this.#mark();
      if (!this.atEnd() && after !== ';' && !(after !== null && closing.includes(after))) throw wrong;
    }
  }

  #statement(next: string | null): Statement {
    if (next === 'if') return this.#if();
    if (next === 'function') return this.#function();
    // Loops are valid in GRUB, but nothing that the lab boots has one.
    if (next !== null) throw wrong;
    return this.#command();
  }

  #if(): Statement {
    const branches: Branch[] = [];
    for (let word = 'if'; word === 'if' || word === 'elif'; ) {
      this.#at += 1;
      const condition = this.statements(['then']);
      this.#at += 1;
      const body = this.statements(['elif', 'else', 'fi']);
      branches.push({ condition, body });
      word = this.#reserved() ?? '';
      if (word === 'else') {
        this.#at += 1;
        branches.push({ condition: [], body: this.statements(['fi']) });
      }
    }
    this.#at += 1;
    return { kind: 'if', branches };
  }

  #function(): Statement {
    this.#at += 1;
    const name = this.#plainWord();
    while (this.#mark() === ';') this.#at += 1;
    if (this.atEnd()) throw unfinished;
    return { kind: 'function', name, body: this.#block() };
  }

  #command(): Statement {
    const words: Word[] = [];
    for (let token = this.#tokens[this.#at]; token?.kind === 'word'; token = this.#tokens[this.#at]) {
      words.push(token.word);
      this.#at += 1;
    }
    if (words.length === 0) throw wrong;
    return { kind: 'command', words, block: this.#mark() === '{' ? this.#block() : null };
  }

  #block(): readonly Statement[] {
    if (this.#mark() !== '{') throw wrong;
    this.#at += 1;
    const body = this.statements(['}']);
    this.#at += 1;
    return body;
  }

  #plainWord(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw unfinished;
    const [part] = token.kind === 'word' ? token.word : [];
    const text =
      token.kind === 'word' ? token.word.map((item) => (item.kind === 'text' ? item.text : '')).join('') : '';
    if (part === undefined || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) throw wrong;
    this.#at += 1;
    return text;
  }

  #mark(): string | null {
    const token = this.#tokens[this.#at];
    return token?.kind === 'mark' ? token.mark : null;
  }

  #reserved(): string | null {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'word' || !token.bare) return null;
    const text = token.word.map((part) => (part.kind === 'text' ? part.text : '')).join('');
    return reserved.includes(text) ? text : null;
  }
}

/** A word of a script with its quotes taken away, or an operator. */
export interface Token {
  readonly kind: 'word' | 'operator';
  readonly text: string;
}

/**
 * The words of POSIX shell text as far as `sh` templates write it: single and double quotes, operators, line ends, comments.
 * Nothing is expanded.
 */
export function shellTokens(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? '';
    if (char === ' ' || char === '\t') at += 1;
    else if (char === '#') at = endOfLine(text, at);
    else if ('\n;|&()<>'.includes(char)) {
      const double = text.slice(at, at + 2);
      const operator = ['||', '&&', '>>'].includes(double) ? double : char;
      tokens.push({ kind: 'operator', text: operator });
      at += operator.length;
    } else {
      const word = readWord(text, at);
      tokens.push({ kind: 'word', text: word.text });
      at = word.end;
    }
  }
  return tokens;
}

/** The one word at a place. */
export function readWord(text: string, from: number): { readonly text: string; readonly end: number } {
  let at = from;
  let word = '';
  while (at < text.length && !' \t\n;|&()<>'.includes(text[at] ?? '')) {
    const char = text[at] ?? '';
    if (char === "'" || char === '"') {
      const end = text.indexOf(char, at + 1);
      if (end === -1) throw new Error(`an open quote in ${JSON.stringify(text.slice(at, at + 40))}`);
      word += text.slice(at + 1, end);
      at = end + 1;
    } else if (char === '\\') {
      word += text[at + 1] ?? '';
      at += 2;
    } else {
      word += char;
      at += 1;
    }
  }
  return { text: word, end: at };
}

/** The word that comes after the first match of a text; `null` where there is none. */
export function wordAfter(text: string, before: string): string | null {
  const at = text.indexOf(before);
  return at === -1 ? null : readWord(text, at + before.length).text;
}

/** Statements of a script in their order; what comes after `||` is left out, as it is for when a step fails. */
export function statements(text: string): readonly (readonly string[])[] {
  const all: string[][] = [];
  let words: string[] = [];
  let skipping = false;
  for (const { kind, text: token } of [...shellTokens(text), { kind: 'operator', text: '\n' } as const]) {
    if (kind === 'word') {
      if (!skipping) words.push(token);
    } else if (token === '||') skipping = true;
    else if (token === '\n' || token === ';' || token === '&&') {
      if (words.length > 0) all.push(words);
      words = [];
      if (token === '\n') skipping = false;
    } else if (!skipping) words.push(token);
  }
  return all;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

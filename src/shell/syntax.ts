/** Where in a shell text a point stands, as far as quoting goes. */
export type Place =
  | 'command'
  | 'single quotes'
  | 'double quotes'
  | 'backquotes'
  | 'arithmetic'
  | 'comment'
  | 'here-document'
  | 'after a backslash or dollar sign';

/** `brace` is `${…}`, `literal brace` the same within double quotes, `sum` a parenthesis of `$((…))`. */
type Frame = 'single' | 'double' | 'back' | 'paren' | 'brace' | 'literal brace' | 'sum';

interface Heredoc {
  readonly delimiter: string;
  readonly stripsTabs: boolean;
}

/** Follows the quoting of a shell text piece by piece. It knows enough of the grammar to tell where a value may stand. */
export interface Scanner {
  read(text: string): void;
  place(): Place;
}

/**
 * Starts at the beginning of a script. Source of the rules: POSIX.1-2017, Shell Command Language, 2.2, 2.3 and 2.7.4.
 * An unbalanced `)` of a `case` pattern within `$(…)` is not understood: write `(pattern)` there.
 */
export function createScanner(): Scanner {
  const frames: Frame[] = [];
  const announced: Heredoc[] = [];
  let heredoc: Heredoc | null = null;
  let line = '';
  let inComment = false;
  let escaped = false;
  let atWordStart = true;
  let afterDollar = false;

  const top = (): Frame | undefined => frames.at(-1);

  const readHeredoc = (char: string, open: Heredoc): void => {
    if (char !== '\n') {
      line += char;
      return;
    }
    const found = open.stripsTabs ? line.replace(/^\t+/, '') : line;
    if (found === open.delimiter) heredoc = announced.shift() ?? null;
    line = '';
  };

  const endLine = (): void => {
    inComment = false;
    heredoc = announced.shift() ?? null;
    line = '';
  };

  /** Reads what begins at `i` and returns how many characters it took. */
  const step = (text: string, i: number): number => {
    const char = text[i] ?? '';
    const frame = top();
    if (frame === 'single') {
      if (char === "'") frames.pop();
      return 1;
    }
    if (char === '\\') {
      escaped = true;
      return 1;
    }
    const expansion = /^\$(\(\(|\(|\{)/.exec(text.slice(i, i + 3))?.[1];
    if (expansion !== undefined) {
      if (expansion === '((') frames.push('sum', 'sum');
      else if (expansion === '(') frames.push('paren');
      else frames.push(frame === 'double' || frame === 'literal brace' ? 'literal brace' : 'brace');
      return 1 + expansion.length;
    }
    if (char === '`') {
      if (frames.includes('back')) frames.length = frames.lastIndexOf('back');
      else frames.push('back');
    } else if (char === '"') {
      if (frame === 'double') frames.pop();
      else frames.push('double');
    } else if (char === '}' && (frame === 'brace' || frame === 'literal brace')) frames.pop();
    else if (frame !== 'double' && frame !== 'literal brace') return stepCommand(text, i, char, frame);
    return 1;
  };

  const stepCommand = (text: string, i: number, char: string, frame: Frame | undefined): number => {
    if (char === "'") frames.push('single');
    else if (char === '(' && frame !== 'brace') frames.push(frame === 'sum' ? 'sum' : 'paren');
    else if (char === ')' && (frame === 'paren' || frame === 'sum')) frames.pop();
    else if (char === '#' && atWordStart && frame !== 'brace' && frame !== 'sum') inComment = true;
    else if (char === '<' && frame !== 'brace' && frame !== 'sum') return announce(text.slice(i));
    return 1;
  };

  const announce = (rest: string): number => {
    const [all, dash, mark, word] = /^<<(-?)[ \t]*(['"]?)\\?([\w.:/-]+)\2/.exec(rest) ?? [];
    if (all === undefined || word === undefined || mark === undefined) return 1;
    announced.push({ delimiter: word, stripsTabs: dash === '-' });
    return all.length;
  };

  return {
    read(text) {
      for (let i = 0; i < text.length; ) {
        const char = text[i] ?? '';
        if (heredoc !== null) {
          readHeredoc(char, heredoc);
          i += 1;
        } else if (escaped) {
          escaped = false;
          atWordStart = false;
          afterDollar = false;
          i += 1;
        } else if (inComment && char !== '\n') {
          i += 1;
        } else {
          if (char === '\n' && top() !== 'single' && top() !== 'double') endLine();
          const taken = step(text, i);
          afterDollar = char === '$' && taken === 1;
          atWordStart = /[\s;&|(]/.test(text[i + taken - 1] ?? '');
          i += taken;
        }
      }
    },
    place() {
      if (heredoc !== null) return 'here-document';
      if (inComment) return 'comment';
      const frame = top();
      if (frame === 'single') return 'single quotes';
      if (escaped || afterDollar) return 'after a backslash or dollar sign';
      // Both are read twice: a quote within them protects nothing.
      if (frames.includes('back')) return 'backquotes';
      if (frame === 'sum') return 'arithmetic';
      return frame === 'double' || frame === 'literal brace' ? 'double quotes' : 'command';
    },
  };
}

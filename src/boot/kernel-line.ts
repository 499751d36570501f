import { blank } from './arguments.ts';
import type { LineSyntax, LineToken } from './edit-line.ts';
import { grubWord, kernelToken } from './grub-word.ts';
import { type Opening, readCharacter, type WordRules } from './word-rules.ts';

/**
 * A line of arguments as it stands in `/proc/cmdline`, `/etc/kernel/cmdline` or the `options` of a boot entry, one character
 * for a byte. `variables`: a word like `$kernelopts` stands for what nobody sees here (GRUB's `blscfg`).
 */
export function kernelLine(rules: WordRules, variables: boolean): LineSyntax<string> {
  const written = (argument: string): string => (rules === 'grub' ? grubWord(argument) : argument);
  return {
    tokens: (line) => tokensOf(line, rules, variables),
    without: (line, { from, to }) => {
      if (blank.test(line[from - 1] ?? '')) return line.slice(0, from - 1) + line.slice(to + 1);
      return line.slice(0, from) + line.slice(to + (blank.test(line[to + 1] ?? '') ? 2 : 1));
    },
    replaced: (line, { from, to }, argument) => line.slice(0, from) + written(argument) + line.slice(to + 1),
    extended: (line, added) => [...(line === '' ? [] : [line]), ...added.map(written)].join(' '),
    empty: '',
  };
}

function tokensOf(line: string, rules: WordRules, variables: boolean): readonly LineToken[] {
  const tokens: LineToken[] = [];
  let open: Opening = 'none';
  let from = 0;
  const close = (to: number): void => {
    const text = line.slice(from, to + 1);
    const opaque = variables && /^\$(?:\{|[A-Za-z_])/.test(text);
    const argument = rules === 'grub' && !opaque ? kernelToken(text) : text;
    if (text !== '') tokens.push({ text, argument, from, to, opaque });
    from = to + 2;
  };
  for (let at = 0; at < line.length; at++) {
    const read = readCharacter(open, line[at] ?? '', rules);
    open = read.open;
    if (read.separates) close(at - 1);
  }
  close(line.length - 1);
  return tokens;
}

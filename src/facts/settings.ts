import type { BootFacts } from './facts.ts';
import type { FileLine } from './sections.ts';

type Configured = NonNullable<BootFacts['configured']>[number];

/** Every place that sets kernel arguments, with the value as it stands there, quotes included and continued lines joined. */
export function configuredArguments(lines: readonly FileLine[]): readonly Configured[] {
  const found: Configured[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (line === undefined) continue;
    const { path } = line;
    const setting = /^\s*(?:export\s+)?(GRUB_CMDLINE_LINUX\w*)(\+?)=(.*)$/.exec(line.text);
    if (/^\/etc\/kernel\/cmdline(?:\.d\/|$)/.test(path)) {
      if (line.text.trim() !== '' && !line.text.startsWith('#'))
        found.push({ path, variable: 'cmdline', value: line.text });
    } else if (setting?.[1] !== undefined) {
      let value = setting[3] ?? '';
      for (; isOpen(value) && lines[i + 1]?.path === path; i++) value = joinLine(value, lines[i + 1]?.text ?? '');
      const append = setting[2] === '+';
      found.push({ path, variable: setting[1], value: value.trim(), ...(append && { append }) });
    }
  }
  return found;
}

/** The last value of a variable over all files, in the order in which they are sourced. */
export function settingOf(lines: readonly FileLine[], variable: string): string | null {
  const assigned = lines.flatMap(({ text }) => {
    const found = /^\s*(?:export\s+)?([A-Z_][A-Z0-9_]*)=(.*)$/.exec(text);
    return found?.[1] === variable && found[2] !== undefined ? [found[2]] : [];
  });
  const last = assigned.at(-1);
  return last === undefined ? null : unquote(last.replace(/\s+#.*$/, '').trim());
}

/** The value of a word in shell syntax that is quoted as a whole or not at all. */
export function unquote(text: string): string {
  const single = /^'([^']*)'$/.exec(text)?.[1];
  if (single !== undefined) return single;
  const double = /^"((?:[^"\\]|\\.)*)"$/.exec(text)?.[1];
  return (double ?? text).replace(/\\(["$`\\])/g, '$1');
}

/** Whether a line goes on in the next one: it ends in a backslash, or inside quotes. */
function isOpen(text: string): boolean {
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '\\' && quote !== "'") {
      if (i === text.length - 1) return true;
      i++;
    } else if (quote === '' && c === '#' && /\s/.test(text.charAt(i - 1))) return false;
    else if (c === quote) quote = '';
    else if (quote === '' && (c === '"' || c === "'")) quote = c;
  }
  return quote !== '';
}

function joinLine(text: string, next: string): string {
  return text.endsWith('\\') ? text.slice(0, -1) + next : `${text}\n${next}`;
}

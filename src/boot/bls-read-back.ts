import { VfleetError } from '../errors.ts';
import { type Script, sh } from '../shell/script.ts';
import { bootsLinux } from './bls-files.ts';
import { type BlsLine, blsLines } from './bls-line.ts';
import { shown } from './edit-options.ts';
import { hiddenLine } from './entry-pairs.ts';
import { parseEnvironment } from './grub-environment.ts';
import { problemOfLine } from './grub-read-back.ts';
import type { ArgumentWish } from './wish.ts';

const tool = 'grubby --info=ALL';

/** Prints every entry, the environment block, `grub.cfg`, and what grubby makes of them, where it is installed. */
export function readBlsBack(config: string, environment: string): Script {
  return sh`
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
section boot-entries
for file in /boot/loader/entries/*.conf ${environment} ${config}; do
  if [ -f "$file" ]; then printf '\\n### %s, read by vfleet ###\\n' "$file"; cat "$file"; fi
done
if command -v grubby >/dev/null 2>&1; then printf '\\n### %s, read by vfleet ###\\n' ${tool}; ${tool.split(' ')} 2>/dev/null; fi
:`;
}

/** What is wrong with entries that `readBlsBack` printed: one line for each, as the files say it and as grubby does. */
export function judgeBlsReadBack(text: string, wish: ArgumentWish): readonly string[] {
  const files = filesOf(Buffer.from(text, 'utf8').toString('latin1'));
  const entries = files.filter((file) => file.path.endsWith('.conf') && bootsLinux(file.text));
  if (entries.length === 0) return ['there is no boot entry with a Linux kernel in /boot/loader/entries'];
  const config = files.find((file) => file.path.endsWith('/grub.cfg')) ?? { path: 'grub.cfg', text: '' };
  const kept = files.find((file) => file.path.endsWith('/grubenv'));
  const shownByTool = grubbyEntries(files.find((file) => file.path === tool)?.text ?? '');
  try {
    const environment = kept === undefined ? null : { ...kept, block: parseEnvironment(kept.path, kept.text) };
    const lines = blsLines({ config, environment, entries });
    const hidden = entries.flatMap(({ path, text: entry }) => {
      const found = hiddenLine(entry);
      return found === null ? [] : [`boot entry ${path}:${found.line} is not read whole: ${found.why}`];
    });
    return [...hidden, ...lines.flatMap((line) => problemsOf(line, shownByTool, wish))];
  } catch (error) {
    if (error instanceof VfleetError) return [error.message];
    throw error;
  }
}

function filesOf(text: string): readonly { readonly path: string; readonly text: string }[] {
  const [, ...parts] = text.split(/(?:^|\n)### (.+), read by vfleet ###\n/);
  return parts.flatMap((path, index) => (index % 2 === 0 ? [{ path, text: parts[index + 1] ?? '' }] : []));
}

function problemsOf(
  { path, title, id, hasOptions, tokens }: BlsLine,
  shownByTool: readonly GrubbyEntry[],
  wish: ArgumentWish,
): readonly string[] {
  const name = `boot entry "${shown(title)}"`;
  const problem = problemOfLine(tokens.map((token) => token.text).join(' '), wish);
  if (problem !== null) return [`${name} ${problem} (${path})`];
  const other = shownByTool.find((entry) => entry.id === id) ?? shownByTool.find((entry) => entry.title === title);
  // Of `default_kernelopts` grubby knows nothing.
  const doubt = other === undefined || !hasOptions ? null : problemOfLine(other.line, onOneBlank(wish));
  return doubt === null ? [] : [`${name} has what is wished in ${path}, but ${tool} says that it ${doubt}`];
}

interface GrubbyEntry {
  readonly id: string | null;
  readonly title: string | null;
  readonly line: string;
}

/** Blocks of `key="value"`, each begun by `index=` (grubby(8)); `root=` is shown apart from the other arguments. */
function grubbyEntries(text: string): readonly GrubbyEntry[] {
  return text.split(/^index=.*$/m).flatMap((block) => {
    const value = (key: string) => new RegExp(`^${key}="?(.*?)"?$`, 'm').exec(block)?.[1] ?? null;
    const line = value('args');
    if (line === null) return [];
    const root = value('root');
    return [{ id: value('id'), title: value('title'), line: root === null ? line : `root=${root} ${line}` }];
  });
}

/** Grubby joins words with one blank, inside quotes too. */
function onOneBlank(wish: ArgumentWish): ArgumentWish {
  const joined = (tokens: readonly string[]): readonly string[] => tokens.map((token) => token.replace(/\s+/g, ' '));
  return { ...wish, present: joined(wish.present), exact: joined(wish.exact ?? []) };
}

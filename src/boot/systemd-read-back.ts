import type { Facts } from '../facts/facts.ts';
import { joinScripts, raw, type Script, sh } from '../shell/script.ts';
import { problemOfLine } from './grub-read-back.ts';
import { entryGlobs, type Owner, ownerOf, readEntry } from './systemd-entries.ts';
import type { ArgumentWish } from './wish.ts';

const bootctlMark = '\n### bootctl list, run by vfleet ###\n';

/** The entries as they stand on disk; what `bootctl` makes of them is for people. */
export function readBack(facts: Facts): Script {
  const { machineId, root } = ownerOf(facts);
  return joinScripts([
    sh`section boot-entries
printf 'system %s %s\n' ${machineId ?? '-'} ${root ?? '-'}`,
    ...entryGlobs.map(
      (glob) => sh`
for file in ${raw(glob)}; do
  if [ -f "$file" ]; then printf '\n### entry %s ###\n' "$file"; cat "$file"; fi
done`,
    ),
    sh`
printf %s ${bootctlMark}
if command -v bootctl >/dev/null 2>&1; then bootctl list --no-pager 2>&1 || :; fi`,
  ]);
}

/** What is wrong with the entries: a line for each. */
export function judge(text: string, wish: ArgumentWish): readonly string[] {
  const [head = '', ...parts] = (text.split(bootctlMark)[0] ?? '').split(/^### entry (.*) ###\n/m);
  const [, machineId = '-', root = '-'] = /^system (\S+) (.*)$/m.exec(head) ?? [];
  const owner: Owner = { machineId: machineId === '-' ? null : machineId, root: root === '-' ? null : root };
  const entries = parts.flatMap((path, index) =>
    index % 2 === 0 ? (readEntry(path, parts[index + 1] ?? '', owner) ?? []) : [],
  );
  if (entries.length === 0) return ['there is no boot entry of this system in loader/entries'];
  return entries.flatMap(({ path, parsed }) => {
    const problem = problemOfLine(parsed.arguments, wish);
    return problem === null ? [] : [`boot entry ${path} ${problem}`];
  });
}

import { raw, type Script, sh } from '../shell/script.ts';
import { parseArgument } from './arguments.ts';
import type { BootEffect } from './driver.ts';
import { grubWord } from './grub-word.ts';
import { accumulates, spellings } from './kernel-parameter.ts';
import { generated } from './lost-arguments.ts';

/** Ends each line in which the guard tells of an entry. */
const mark = '(only the boot entry has it)';

/**
 * Compares the configuration in place, `$file`, with the one that was generated beside it, `$beside`, entry by entry, and stops
 * with code 65 where arguments would go from an entry that nobody asked to take out. Part of the job itself, so that
 * nothing is left to be decided when nobody follows it any more. Nothing for an effect that is not guarded.
 */
export function guardEntries({ guarded, present, absent, remove = [] }: BootEffect): Script {
  if (guarded !== true) return raw(':');
  const names = (tokens: readonly string[]): readonly string[] => tokens.map((token) => parseArgument(token).name);
  const mayGo = [...generated, ...absent, ...names(remove)].flatMap(spellings);
  // Of other names a new value stands for the old one, as when the code that sets it now says otherwise.
  const apart = present.filter((token) => isRepeated(parseArgument(token).name)).map(grubWord);
  return sh`
if [ -s "$file" ] && ! may_go=${[...new Set(mayGo)].join(' ')} ours=${apart.join(' ')} mark=${mark} awk ${program} "$file" "$beside" >&2
then rm -f "$beside"; exit 65; fi`;
}

/** What the log of a job says of arguments that would have gone, for each entry; empty: the guard has not stopped it. */
export function guardedEntries(log: string): readonly string[] {
  return log.split('\n').flatMap((line) => (line.endsWith(` ${mark}`) ? [line.slice(0, -mark.length - 1)] : []));
}

function isRepeated(name: string): boolean {
  return accumulates(name) || name === 'console' || name === 'earlycon';
}

/**
 * Entries are told apart by title and kernel, else by title, else by kernel, in their order; an entry of which neither is left
 * has gone with its kernel, unless that is so of all. Entries of other systems and by hand are not generated from what is
 * configured here. Of one name as many as there were must be there.
 */
const program = `
function name_of(word) { sub(/=.*/, "", word); gsub(/-/, "_", word); return word }
function entry(side, kernel, line,   n) {
  n = ++count[side]; title_of[side, n] = title; kernel_of[side, n] = kernel; line_of[side, n] = line
}
function pair(by_title, by_kernel,   i, j) {
  for (i = 1; i <= count["old"]; i++) for (j = 1; !partner[i] && j <= count["new"]; j++) {
    if (taken[j] || (by_title && title_of["old", i] != title_of["new", j])) continue
    if (by_kernel && kernel_of["old", i] != kernel_of["new", j]) continue
    partner[i] = j; taken[j] = 1; pairs++
  }
}
function judge(i, j,   k, n, words, there, name, gone, lost, gained, text) {
  n = split(line_of["new", j], words, " ")
  for (k = 1; k <= n; k++) there[words[k]]++
  n = split(line_of["old", i], words, " ")
  for (k = 1; k <= n; k++) {
    if (there[words[k]] > 0) { there[words[k]]--; continue }
    name = name_of(words[k])
    if (words[k] ~ /^\\$/ || (name in allowed)) continue
    gone[name] = gone[name] " " words[k]; lost[name]++
  }
  for (k in there) if (there[k] > 0 && !(k in own)) gained[name_of(k)] += there[k]
  for (name in lost) if (lost[name] > gained[name]) text = text gone[name]
  if (text == "") return 0
  print "boot entry \\"" title_of["old", i] "\\" has" text " " ENVIRON["mark"]
  return 1
}
BEGIN {
  n = split(ENVIRON["may_go"], list, " "); for (k = 1; k <= n; k++) allowed[list[k]] = 1
  n = split(ENVIRON["ours"], list, " "); for (k = 1; k <= n; k++) own[list[k]] = 1
}
FNR == 1 { side = side == "" ? "old" : "new"; skip = 0; title = "" }
/^### BEGIN \\/etc\\/grub.d\\/(30_os-prober|4[0-9]_custom) ###/ { skip = 1 }
/^### END / { skip = 0 }
skip { next }
/^[ \\t]*menuentry[ \\t]/ {
  title = $0; sub(/^[ \\t]*menuentry[ \\t]+/, "", title)
  quote = substr(title, 1, 1)
  if (quote == "\\047" || quote == "\\"") { title = substr(title, 2); title = substr(title, 1, index(title, quote) - 1) }
  else sub(/[ \\t].*/, "", title)
}
/^[ \\t]*linux(16|efi)?[ \\t]/ { kernel = $2; line = $0; sub(/^[ \\t]*[^ \\t]+[ \\t]+[^ \\t]+/, "", line); entry(side, kernel, line) }
END {
  pair(1, 1); pair(1, 0); pair(0, 1)
  if (!pairs && count["old"] && count["new"]) partner[1] = 1
  for (i = 1; i <= count["old"]; i++) if (partner[i] && judge(i, partner[i])) failed = 1
  exit failed
}
`;

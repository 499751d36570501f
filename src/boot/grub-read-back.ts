import type { BootEntry } from '../facts/facts.ts';
import { type Script, sh } from '../shell/script.ts';
import { leftoverArguments, missingArguments, parseArgument, parseArguments, sameName } from './arguments.ts';
import { parseGrubConfig } from './grub-config.ts';
import { kernelToken } from './grub-word.ts';
import type { ArgumentWish } from './wish.ts';

/** Stands between a configuration and the environment block beside it. */
export const environmentMark = '\n### grubenv, read by vfleet ###\n';

/** Prints a generated configuration and the environment block beside it. */
export function readGrubBack(path: string): Script {
  return sh`
section boot-entries
cat ${path}
printf %s ${environmentMark}
f=${path.replace(/[^/]*$/, 'grubenv')}
if [ -f "$f" ]; then cat "$f"; fi`;
}

/** What is wrong with a generated configuration that `readGrubBack` printed: one line for each boot entry. */
export function judgeGrubReadBack(text: string, wish: ArgumentWish): readonly string[] {
  const [config = '', environment = ''] = text.split(environmentMark);
  const all = parseGrubConfig({ config, environment }).filter(isLinux);
  const own = parseGrubConfig({ config: ownSections(config), environment }).filter(isLinux);
  const judged = all.filter(
    (entry) => entry.default || (own.some((other) => same(entry, other)) && !isRecovery(entry)),
  );
  if (judged.length === 0) return ['the generated configuration has no boot entry with a Linux kernel'];
  return judged.flatMap((entry) => {
    const problem = problemOfLine(resolve(entry.arguments, config), wish);
    return problem === null ? [] : [`boot entry "${entry.title}" ${problem}`];
  });
}

/** What a kernel command line lacks of a wish, or has too much; `null`: nothing. */
export function problemOfLine(line: string, wish: ArgumentWish): string | null {
  const running = parseArguments(line).map((argument) => kernelToken(argument.token));
  const missing = missingArguments(wish.present, running.join(' '), wish.exact).map((token) => {
    const winner = running.findLast((other) => sameName(parseArgument(other).name, parseArgument(token).name));
    return winner === undefined ? `lacks ${token}` : `has ${winner} where ${token} is wished`;
  });
  const leftover = leftoverArguments(wish.absent, running.join(' ')).map((name) => `still has ${name}`);
  const problems = [...missing, ...leftover];
  return problems.length === 0 ? null : problems.join(', ');
}

/**
 * Whether the generated configuration, as facts show it, is out of date: by its default entry, or by its first where
 * nobody can say which is the default. `null` entries: unknown, so not held against it.
 */
export function isOutdated(entries: readonly BootEntry[] | null, wish: ArgumentWish): boolean {
  const linux = (entries ?? []).filter(isLinux);
  const entry = linux.find((candidate) => candidate.default) ?? linux[0];
  return entry !== undefined && problemOfLine(entry.arguments, wish) !== null;
}

/** Memtest86+ has arguments too (`linux16 /boot/memtest86+.bin console=…`), and no kernel release in its name. */
function isLinux(entry: BootEntry): boolean {
  return entry.kernel !== null || (entry.default && entry.arguments !== '');
}

/** Rescue entries have only a part of the arguments (`10_linux`, `GRUB_CMDLINE_LINUX_RECOVERY`), and run no guests. */
function isRecovery(entry: BootEntry): boolean {
  return parseArguments(entry.arguments).some(({ token }) => ['single', 'recovery'].includes(token));
}

function same(one: BootEntry, other: BootEntry): boolean {
  return one.title === other.title && one.arguments === other.arguments;
}

/** Without the entries of other systems and those written by hand: their arguments are not configured here. */
function ownSections(config: string): string {
  return config.replace(/^### BEGIN (\/etc\/grub\.d\/(?:30_os-prober|4\d_custom)) ###$[\s\S]*?^### END \1 ###$/gm, '');
}

/** Arguments with the variables that the configuration itself sets, such as `tuned_params` (tuned, `00_tuned`). */
function resolve(line: string, config: string): string {
  return line.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? '';
    const found = [...config.matchAll(new RegExp(`^\\s*set ${name}="?([^"\\n]*)"?\\s*$`, 'gm'))].at(-1);
    return found?.[1] ?? whole;
  });
}

import type { BootEntry } from '../facts/facts.ts';
import { parseArgument, parseArguments, sameName } from './arguments.ts';
import { kernelToken } from './grub-word.ts';

/** What `10_linux` and `new-kernel-pkg` put into an entry by themselves. */
export const generated: readonly string[] = [
  'BOOT_IMAGE',
  'root',
  'ro',
  'rw',
  'rootflags',
  'rootfstype',
  'init',
  'LANG',
  'single',
  'recovery',
];

/**
 * Arguments of the default boot entry that nothing configures: somebody edited the generated file, by hand or with grubby
 * on CentOS 7, and the next regeneration, whoever starts it, drops them. `line` is what is configured. With `all`, of any
 * entry: where all are made of one line, and the firmware decides from which partition it boots.
 */
export function lostArguments(
  entries: readonly BootEntry[] | null,
  line: readonly string[],
  all = false,
): readonly string[] {
  const looked = entries?.filter((entry) => all || entry.default) ?? [];
  const tokens = looked
    .slice(0, all ? looked.length : 1)
    .flatMap((entry) => parseArguments(entry.arguments).map((argument) => kernelToken(argument.token)));
  return [...new Set(tokens)]
    .filter((token) => !token.startsWith('$') && !generated.includes(parseArgument(token).name))
    .filter((token) => !line.some((other) => sameName(parseArgument(other).name, parseArgument(token).name)));
}

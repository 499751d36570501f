import type { BootEntry } from '../facts/facts.ts';
import { parseArgument, parseArguments, sameName } from './arguments.ts';
import { kernelToken } from './grub-word.ts';

/** What `10_linux` and `new-kernel-pkg` put into an entry by themselves. */
const generated = ['BOOT_IMAGE', 'root', 'ro', 'rw', 'rootflags', 'rootfstype', 'init', 'LANG', 'single', 'recovery'];

/**
 * Arguments of the default boot entry that nothing configures: somebody edited the generated file, by hand or with grubby
 * on CentOS 7, and the next regeneration, whoever starts it, drops them. `line` is what is configured.
 */
export function lostArguments(entries: readonly BootEntry[] | null, line: readonly string[]): readonly string[] {
  const entry = entries?.find((candidate) => candidate.default);
  return parseArguments(entry?.arguments ?? '')
    .map((argument) => kernelToken(argument.token))
    .filter((token) => !token.startsWith('$') && !generated.includes(parseArgument(token).name))
    .filter((token) => !line.some((other) => sameName(parseArgument(other).name, parseArgument(token).name)));
}

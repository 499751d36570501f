import { VfleetError } from '../errors.ts';
import { contradicts, parseArgument, sameName } from './arguments.ts';
import type { SourceToken } from './grub-sources.ts';
import { type ArgumentWish, isAbsent, missingInOrder } from './wish.ts';

/** The arguments of configured tokens, as the kernel gets them; what nobody can know is left out. */
export function lineOf(tokens: readonly SourceToken[]): readonly string[] {
  return tokens.filter((token) => !token.opaque).map((token) => token.argument);
}

/**
 * Refuses a wish that the whole configured line, as it would be written, does not fulfil: another file or variable says
 * otherwise, later. `line` is in the order of a boot entry: `GRUB_CMDLINE_LINUX`, then `GRUB_CMDLINE_LINUX_DEFAULT`
 * (`10_linux`, `linux_entry`). Errors: `boot.contradiction`, which names the place.
 */
export function refuseContradiction(
  wish: ArgumentWish,
  line: readonly SourceToken[],
  host: string | undefined,
  overriding: string | null = null,
): void {
  const [missing] = missingInOrder(wish, lineOf(line));
  const known = line.filter((token) => !token.opaque);
  if (missing !== undefined) {
    const winner = known.findLast((token) => sameName(parseArgument(token.argument).name, parseArgument(missing).name));
    if (winner)
      throw contradiction(winner, `${missing} to have the last word`, 'that this comes after it and wins', host);
    throw overridden(missing, overriding, host);
  }
  const stays = known.find((token) => isAbsent(wish, token.argument));
  if (stays) {
    const { name } = parseArgument(stays.text);
    throw contradiction(stays, `no argument ${name}`, 'one that is not for vfleet to remove', host);
  }
  const decisive = known.find((token) => defeats(parseArgument(token.argument), wish));
  if (decisive) {
    throw contradiction(decisive, 'an IOMMU that may be turned on', 'that this turns it off wherever it stands', host);
  }
}

/**
 * What is said of arguments that speak against a token that was added, and that nobody may remove: they stay, and lose.
 * `line` is the whole line as it is written now.
 */
export function outvotedNotes(
  wish: ArgumentWish,
  added: readonly string[],
  line: readonly SourceToken[],
): readonly string[] {
  const isRepeated = (name: string): boolean =>
    wish.present.filter((token) => sameName(parseArgument(token).name, name)).length > 1;
  return line
    .filter((token) => !token.opaque && !added.includes(token.argument))
    .filter((token) => !isRepeated(parseArgument(token.argument).name))
    .filter((token) => added.some((other) => contradicts(parseArgument(token.argument), parseArgument(other))))
    .map((token) => `${token.path}:${token.line} ${token.text} stays, but what is added after it wins`);
}

const ofTheIommu = ['iommu', 'intel_iommu', 'amd_iommu'];

/** No later `iommu=` takes an `iommu=off` back: it only sets `no_iommu` (`iommu_setup` in arch/x86/kernel/pci-dma.c). */
function defeats(
  { name, value }: { readonly name: string; readonly value: string | null },
  wish: ArgumentWish,
): boolean {
  if (name !== 'iommu' || !value?.split(',').includes('off')) return false;
  const wished = wish.present.map(parseArgument);
  const meant = wished.some((argument) => argument.name === 'iommu' && argument.value?.split(',').includes('off'));
  return !meant && wished.some((argument) => ofTheIommu.includes(argument.name));
}

function contradiction(token: SourceToken, expected: string, found: string, host: string | undefined): VfleetError {
  return new VfleetError({
    code: 'boot.contradiction',
    host,
    thing: `${token.path}:${token.line} ${token.text}`,
    expected,
    found,
    next: `remove ${token.text} from ${token.path}; nothing was changed`,
  });
}

function overridden(token: string, place: string | null, host: string | undefined): VfleetError {
  return new VfleetError({
    code: 'boot.contradiction',
    host,
    thing: place ?? 'the configured arguments',
    expected: `GRUB_CMDLINE_LINUX to keep ${token}`,
    found: 'that it is set anew after that',
    next: 'let that file extend "$GRUB_CMDLINE_LINUX" instead; nothing was changed',
  });
}

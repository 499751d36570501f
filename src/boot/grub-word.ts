/**
 * A kernel argument as it must stand in a `grub.cfg`, into which `10_linux` copies the configured arguments unquoted:
 * GRUB reads `$`, `;` and other marks there itself (GRUB manual, "Shell-like scripting", Quoting).
 */
export function grubWord(token: string): string {
  // Blanks stand only between double quotes, which are GRUB's and the kernel's alike.
  return token
    .split(/("[^"]*")/)
    .map((part) => (part.startsWith('"') ? part.replace(/[$\\]/g, '\\$&') : part.replace(/[$\\;&|<>{}'#]/g, '\\$&')))
    .join('');
}

/** What the kernel gets of a word that stands in a `grub.cfg`: the other way round. */
export function kernelToken(word: string): string {
  return word.replace(/\\(.)/g, '$1');
}

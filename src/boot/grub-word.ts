import { blank } from './arguments.ts';

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

/**
 * What the kernel gets of a word that stands in a `grub.cfg`: the other way round. Single quotes are GRUB's alone; where
 * they hold a blank, GRUB quotes the whole again for the kernel (`grub_create_loader_cmdline` in grub-core/lib/cmdline.c).
 */
export function kernelToken(word: string): string {
  let text = '';
  let blanks = false;
  for (const [part = ''] of word.matchAll(/\\[^]|'[^']*'?|[^\\']+|\\/g)) {
    // A backslash before a line end continues the line.
    const inner = part.startsWith("'") ? part.replace(/^'|'$/g, '') : part.replace(/^\\(?:\n|(?=[^]))/, '');
    if (part !== inner && blank.test(inner)) blanks = true;
    text += inner;
  }
  return blanks ? `"${text.replaceAll('"', '')}"` : text;
}

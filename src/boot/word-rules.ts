import { blank } from './arguments.ts';

/**
 * Who splits a text into arguments. The kernel knows double quotes alone (`next_arg()` in lib/cmdline.c). Where GRUB reads
 * the text first, in a `grub.cfg` or in an entry that `blscfg` lists, single quotes and backslashes quote too (GRUB manual,
 * "Quoting").
 */
export type WordRules = 'kernel' | 'grub';

/** What is open behind a character: a quote, or a backslash that waits for the next one. */
export type Opening = 'none' | 'double' | 'single' | 'escape' | 'escape in double quotes';

/** What is open after one more character, and whether that one is white space between two arguments. */
export function readCharacter(
  open: Opening,
  character: string,
  rules: WordRules,
): { readonly open: Opening; readonly separates: boolean } {
  if (open === 'escape') return { open: 'none', separates: false };
  if (open === 'escape in double quotes') return { open: 'double', separates: false };
  if (open === 'single') return { open: character === "'" ? 'none' : 'single', separates: false };
  const double = open === 'double';
  if (character === '"') return { open: double ? 'none' : 'double', separates: false };
  if (rules === 'grub' && character === '\\') {
    return { open: double ? 'escape in double quotes' : 'escape', separates: false };
  }
  if (rules === 'grub' && character === "'" && !double) return { open: 'single', separates: false };
  return { open, separates: !double && blank.test(character) };
}

/** What is left open at the end of a text, for people; `null`: nothing. */
export function openingAtEnd(text: string, rules: WordRules): string | null {
  const open = [...text].reduce<Opening>((before, character) => readCharacter(before, character, rules).open, 'none');
  if (open === 'none') return null;
  return open.startsWith('escape') ? 'a backslash with nothing after it' : `a ${open} quote that is never closed`;
}

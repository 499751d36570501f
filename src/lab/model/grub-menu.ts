import type { GrubFlavour } from './grub-flavour.ts';
import type { Statement } from './grub-script.ts';

/** A menu entry, or a submenu. */
export interface MenuEntry {
  readonly title: string;
  readonly id: string;
  readonly submenu: boolean;
  readonly body: readonly Statement[];
  /** Words after the title that are no options: `$2`, `$3` of the body. */
  readonly arguments: readonly string[];
}

/** An entry that was chosen, and what of the choice is left for the menu inside it. */
export interface Choice {
  readonly entry: MenuEntry;
  readonly rest: string | null;
}

/**
 * The entry that boots by itself. A value that begins with digits is a number, whatever follows (`strtoul`); else it is
 * an id or a title, up to a single `>`; what names nothing falls back to the first entry.
 * Red Hat's GRUB looks for an id first, then for a title, and takes a number only where it is nothing but a number: ids
 * begin with a machine id there, which often begins with a digit.
 * Source: `get_entry_number()`, `menuentry_eq()`, `run_menu()`, `grub_menu_execute_entry()` of grub-core/normal/menu.c.
 */
export function chooseEntry(
  menu: readonly MenuEntry[],
  wanted: string | undefined,
  flavour: GrubFlavour = 'upstream',
): Choice | null {
  const [head, rest] = splitChoice(wanted ?? '');
  const index = flavour === 'redhat' ? indexByName(menu, wanted ?? '', head) : indexOf(menu, wanted ?? '', head);
  const entry = menu[index] ?? menu[0];
  return entry === undefined ? null : { entry, rest };
}

function indexOf(menu: readonly MenuEntry[], wanted: string, head: string): number {
  const digits = /^\s*(\d+)/.exec(wanted)?.[1];
  if (digits !== undefined) return Number.parseInt(digits, 10);
  return menu.findIndex((entry) => entry.id === head || entry.title === head);
}

function indexByName(menu: readonly MenuEntry[], wanted: string, head: string): number {
  const named = [menu.findIndex(({ id }) => id === head), menu.findIndex(({ title }) => title === head)];
  return named.find((index) => index >= 0) ?? Number.parseInt(/^\s*(\d+)(?:>|$)/.exec(wanted)?.[1] ?? '-1', 10);
}

/** `A>>B>C` is the entry `A>B`, and in it `C`. */
function splitChoice(wanted: string): [head: string, rest: string | null] {
  for (let at = 0; at < wanted.length; at += 1) {
    if (wanted[at] !== '>') continue;
    if (wanted[at + 1] === '>') at += 1;
    else return [wanted.slice(0, at).replaceAll('>>', '>'), wanted.slice(at + 1) || null];
  }
  return [wanted.replaceAll('>>', '>'), null];
}

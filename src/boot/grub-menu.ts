/** One entry of a GRUB menu, or a submenu with entries of its own. */
export interface MenuItem {
  readonly title: string;
  readonly id: string | null;
  /** Release that it boots; `null` for other systems, firmware settings, submenus. */
  readonly kernel: string | null;
  readonly arguments: string;
  readonly items: readonly MenuItem[] | null;
}

/**
 * The entry that GRUB boots when nobody touches the keyboard: `default` is a number, a title or an id, with `>` between
 * a submenu and what is in it (`>>` is a plain `>`); what names nothing means the first entry (`run_menu`,
 * `get_entry_number` and `menuentry_eq` in grub-core/normal/menu.c). `null`: the menu is empty.
 */
export function defaultItem(menu: readonly MenuItem[], wanted: string): MenuItem | null {
  const { first, rest } = splitPath(wanted);
  const item = menu[Math.max(0, indexOf(menu, first))] ?? menu[0];
  if (item === undefined) return null;
  return item.items === null ? item : defaultItem(item.items, rest);
}

function indexOf(menu: readonly MenuItem[], wanted: string): number {
  if (/^\s*\d+\s*$/.test(wanted)) return Number(wanted);
  const name = wanted.replaceAll('>>', '>');
  return menu.findIndex((item) => item.title === name || item.id === name);
}

function splitPath(wanted: string): { readonly first: string; readonly rest: string } {
  const first = /^(?:[^>]|>>)*/.exec(wanted)?.[0] ?? '';
  return { first, rest: wanted.slice(first.length + 1) };
}

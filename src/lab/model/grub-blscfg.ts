import type { GrubMachine } from './grub-machine.ts';
import type { MenuEntry } from './grub-menu.ts';
import { readGrubScript } from './grub-script.ts';
import { comparePackages } from './package-version.ts';

/**
 * `blscfg` of Red Hat's GRUB: a menu entry for each file in `loader/entries` of the root device, or of `/boot` there,
 * newest first. What is odd here is so there: a key ends at the first space, a line without a value ends the file, the
 * first `options` line is the only one that counts. Source: grub-core/commands/blscfg.c of rhboot/grub2, branches
 * rhel-8.8.0 to rhel-9.4.0. Not read: `devicetree`, `early_initrd`, an argument of the command.
 */
export function importEntries(machine: GrubMachine): boolean {
  const root = machine.variables.get('root') ?? '';
  for (const folder of ['/loader/entries', '/boot/loader/entries']) {
    const entries = entriesIn(machine, folder, root);
    if (entries.length === 0) continue;
    machine.menu.push(...entries);
    return true;
  }
  return true;
}

function entriesIn(machine: GrubMachine, folder: string, root: string): readonly MenuEntry[] {
  const { disk, locate } = machine.files;
  const at = locate(folder, root);
  if (at === null) return [];
  const names = disk.list(at).filter((name) => !name.startsWith('.') && /.\.conf$/s.test(name));
  const ids = names.map((name) => name.slice(0, -'.conf'.length)).sort((a, b) => comparePackages(b, a));
  return ids
    .filter((id, place) => place === 0 || comparePackages(ids[place - 1] ?? '', id) !== 0)
    .flatMap((id) => entryOf(machine, id, disk.read(`${at}/${id}.conf`) ?? ''));
}

/** None where the file names no kernel. */
function entryOf(machine: GrubMachine, id: string, text: string): readonly MenuEntry[] {
  const pairs = readPairs(text);
  const values = (key: string) => pairs.filter(([name]) => name === key).map(([, value]) => value);
  const [image] = values('linux');
  if (image === undefined) return [];
  const fallback = machine.variables.get('default_kernelopts');
  const options =
    expandOptions(machine, values('options')[0] ?? '') ??
    (fallback === undefined ? null : expandOptions(machine, fallback));
  const initrds = values('initrd');
  const lines = [
    ...(machine.variables.get('save_default') === 'true' ? ['savedefault'] : []),
    'load_video',
    'set gfxpayload=keep',
    'insmod gzio',
    `linux ($root)${image}${options === null ? '' : ` ${options}`}`,
    ...(initrds.length === 0 ? [] : [['initrd', ...initrds.map((path) => `($root)${path}`)].join(' ')]),
  ];
  const { statements } = readGrubScript(`${lines.join('\n')}\n`);
  return [{ title: values('title')[0] ?? image, id, submenu: false, body: statements, arguments: values('grub_arg') }];
}

/** Keys and values up to the first line that has no value: an empty line is one. */
function readPairs(text: string): readonly (readonly [key: string, value: string])[] {
  const pairs: [string, string][] = [];
  const lines = text.replaceAll('\r', '').split('\n');
  for (const line of lines.at(-1) === '' ? lines.slice(0, -1) : lines) {
    const rest = line.replace(/^[ \t]+/, '');
    if (rest.startsWith('#')) continue;
    const end = rest.includes(' ') ? rest.indexOf(' ') : rest.indexOf('\t');
    if (end < 0 || end + 1 === rest.length) break;
    pairs.push([rest.slice(0, end), rest.slice(end + 1).replace(/^[ \t]+/, '')]);
  }
  return pairs;
}

/**
 * Puts variables in, each with a space behind it in place of one that stood there; one that is not set is nothing. A single
 * character before a variable or at the end is lost. `null`: nothing came of it, so that `default_kernelopts` counts; a
 * space behind a variable that is not set is something.
 */
function expandOptions(machine: GrubMachine, text: string): string | null {
  let expanded: string | null = null;
  let rest = text;
  while (rest !== '') {
    const [part = '', name] = /^\$([A-Za-z0-9_]*)|^[^$]+/.exec(rest) ?? [];
    rest = rest.slice(part.length);
    const atBreak = rest === '' || rest.startsWith('$');
    if (name === undefined) {
      if (part.length > 1) expanded = (expanded ?? '') + part;
      continue;
    }
    const value = atBreak && name.length === 1 ? undefined : machine.variables.get(name);
    if (value !== undefined) expanded = `${expanded ?? ''}${value} `;
    if (!rest.startsWith(' ')) continue;
    rest = rest.slice(1);
    if (rest === '' || rest.startsWith('$')) expanded ??= '';
  }
  return expanded;
}

import { type Script, sh } from '../shell/script.ts';

/** Reads what the host's own list of ids calls its devices; nothing where it has no lspci(8). */
export const namesProbe: Script = sh`LC_ALL=C PATH=$PATH:/usr/sbin:/sbin lspci -D -nn 2>/dev/null`;

/** What that probe printed: names by address. */
export function parseNames(text: string): ReadonlyMap<string, string> {
  const names = text.split('\n').flatMap((line) => {
    const [, address, name] =
      /^([0-9a-f]{4,8}:\S+) .*? \[[0-9a-f]{4}\]: (.+) \[[0-9a-f]{4}:[0-9a-f]{4}\]/.exec(line) ?? [];
    // The word that stands for what the list does not know.
    return address === undefined || name === undefined || name === 'Device' ? [] : ([[address, name]] as const);
  });
  return new Map(names);
}

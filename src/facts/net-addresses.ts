import { sh } from '../shell/script.ts';
import { fileLinesOf, linesOf, type Sections } from './sections.ts';

/**
 * Two processes for the addresses and two for the default routes of all tables. Without `ip` the kernel's own tables tell the
 * routes of the main one.
 */
export const netAddressesProbe = sh`
section hardware-addresses
command -v ip >/dev/null 2>&1 && echo asked && ip -o addr show 2>/dev/null
section hardware-routes
if command -v ip >/dev/null 2>&1; then
  { ip -o -4 route show table all default; ip -o -6 route show table all default; } 2>/dev/null
else
  grep -aHsE '^([^[:space:]]+[[:space:]]00000000[[:space:]].*[[:space:]]00000000[[:space:]]|0{32} 00 )' \\
    /proc/net/route /proc/net/ipv6_route
fi
`;

export interface Address {
  /** Name of the interface. */
  readonly name: string;
  /** With prefix length. */
  readonly address: string;
  readonly scope: string;
}

/** `null`: there was no `ip` to ask. Lines are as ip-address(8) prints them with `-oneline`, a peer's address left out. */
export function parseAddresses(sections: Sections): readonly Address[] | null {
  const lines = linesOf(sections, 'hardware-addresses');
  if (lines[0] !== 'asked') return null;
  return lines.slice(1).flatMap((line) => {
    const [, name, address, rest = ''] = /^\d+:\s+(\S+?)(?:@\S+)?\s+inet6?\s+(\S+)(.*)$/.exec(line) ?? [];
    const scope = / scope (\S+)/.exec(rest)?.[1] ?? 'global';
    return name === undefined || address === undefined ? [] : [{ name, address, scope }];
  });
}

/** Interfaces that a default route leads over, one of several next hops among them. */
export function parseDefaultRoutes(sections: Sections): readonly string[] {
  const told = linesOf(sections, 'hardware-routes')
    .filter((line) => /^(?:default|\s+nexthop)\s/.test(line))
    .flatMap((line) => [...line.matchAll(/\sdev (\S+)/g)].map((found) => found[1] ?? ''));
  return [...new Set([...told, ...kernelRoutes(sections)])].filter((name) => name !== 'lo' && name !== '');
}

/** `fib_route_seq_show()` and `ipv6_route_native_seq_show()`: name first, name last. Routes that lead nowhere are on `lo`. */
function kernelRoutes(sections: Sections): readonly string[] {
  return fileLinesOf(sections, 'hardware-routes').flatMap(({ path, text }) => {
    const words = text.trim().split(/\s+/);
    if (path === '/proc/net/route') return words[1] === '00000000' && words[7] === '00000000' ? (words[0] ?? []) : [];
    return path === '/proc/net/ipv6_route' && words[1] === '00' ? (words.at(-1) ?? []) : [];
  });
}

import { joinScripts, sh } from '../shell/script.ts';
import type { NetInterface } from './hardware.ts';
import { type Address, netAddressesProbe, parseAddresses, parseDefaultRoutes } from './net-addresses.ts';
import type { Sections } from './sections.ts';
import { parseSshPath, type SshPath, sshPathProbe } from './ssh-path.ts';
import { attributesOf, namesOf, pairsOf, pciAbove, said, usbAbove } from './sysfs.ts';

/** Reading `carrier` of an interface that is down is an error (`carrier_show()` of net/core/net-sysfs.c): then it is not told. */
export const netInterfacesProbe = joinScripts([
  sh`
section hardware-net
[ -d /sys/class/net ] && (cd /sys/class/net && grep -aHs . */address */flags */carrier)
section hardware-net-paths
[ -d /sys/class/net ] && (
  cd /sys/class/net && ls -ld * */master 2>/dev/null | sed -n 's#^.* \\([^ ]*\\) -> \\([^ ]*\\)$#\\1 \\2#p'
)
section hardware-net-uppers
[ -d /sys/class/net ] && (cd /sys/class/net && printf '%s\\n' */upper_*)
`,
  netAddressesProbe,
  sshPathProbe,
]);

const name = /[^/\s:]+/;

/** What is known of an interface by itself. */
type Own = Omit<NetInterface, 'defaultRoute' | 'ssh'>;

/** Interfaces of devices and what is on top of them, by name. */
export function parseNetInterfaces(sections: Sections): readonly NetInterface[] {
  const all = interfacesOf(sections);
  const addresses = parseAddresses(sections);
  const routed = under(all, parseDefaultRoutes(sections));
  const ssh = sshOf(all, addresses, parseSshPath(sections));
  const physical = all.filter(({ pci, usb }) => pci !== null || usb !== null).map((item) => item.name);
  const kept = new Set([...above(all, physical), ...routed, ...(ssh ?? [])]);
  return all
    .filter((item) => kept.has(item.name) && item.name !== 'lo')
    .map((item) => ({
      ...item,
      addresses: addresses === null ? null : shown(addresses, item.name),
      defaultRoute: routed.has(item.name),
      ssh: ssh === null ? null : ssh.has(item.name),
    }));
}

function interfacesOf(sections: Sections): readonly Own[] {
  const attributes = attributesOf(sections, 'hardware-net', name);
  const paths = pairsOf(sections, 'hardware-net-paths');
  const uppers = namesOf(sections, 'hardware-net-uppers').map((line) => line.split('/upper_'));
  return [...paths.keys()]
    .filter((key) => !key.includes('/'))
    .sort()
    .map((key) => {
      const values = attributes.get(key);
      const path = paths.get(key);
      const master = paths.get(`${key}/master`)?.split('/').at(-1) ?? null;
      const carrier = values?.get('carrier');
      const on = uppers.flatMap(([lower, upper]) => (lower === key && upper !== undefined ? [upper] : []));
      return {
        name: key,
        mac: said(values?.get('address')),
        pci: pciAbove(path),
        usb: usbAbove(path),
        // IFF_UP is the lowest bit (linux/if.h).
        up: (Number.parseInt(values?.get('flags') ?? '0', 16) & 1) === 1,
        carrier: carrier === '1' ? true : carrier === '0' ? false : null,
        master,
        uppers: [...new Set([...on, ...(master === null ? [] : [master])])].sort(),
        addresses: null,
      };
    });
}

/** Addresses that others may reach the host by. */
function shown(addresses: readonly Address[], interfaceName: string): readonly string[] {
  return addresses
    .filter((item) => item.name === interfaceName && item.scope !== 'host' && item.scope !== 'link')
    .map(({ address }) => address);
}

/**
 * Interfaces that the connection goes over. `null` where that is unknown: no connection, an address that no interface has, or
 * one with no device below it, as the loopback, a tunnel, or a port of Open vSwitch, whose other ports no link shows; of those it
 * is known that one of the switch's members is it, and each may be.
 */
function sshOf(all: readonly Own[], addresses: readonly Address[] | null, path: SshPath | null): Set<string> | null {
  if (path === null) return null;
  const owners = (addresses ?? []).filter(({ address }) => address.split('/')[0] === path.address);
  const named = [...owners.map((owner) => owner.name), ...path.interfaces].filter((item) => item !== 'lo');
  const members = all.filter(({ master }) => master === 'ovs-system').map((item) => item.name);
  const found = under(all, named);
  if (all.some((item) => found.has(item.name) && (item.pci !== null || item.usb !== null))) return found;
  return found.size > 0 && members.length > 0 ? new Set([...found, ...members]) : null;
}

/** Some interfaces, and all that carry them. */
function under(all: readonly Own[], names: readonly string[]): Set<string> {
  const found = new Set(names.filter((wanted) => all.some((item) => item.name === wanted)));
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const item of all) if (item.uppers.some((upper) => found.has(upper))) found.add(item.name);
  }
  return found;
}

/** Some interfaces, and all that are on top of them. */
function above(all: readonly Own[], names: readonly string[]): Set<string> {
  const found = new Set(names);
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const item of all) if (found.has(item.name)) for (const upper of item.uppers) found.add(upper);
  }
  return found;
}

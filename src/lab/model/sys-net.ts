import type { MachineSettings } from '../machine.ts';
import type { MachineNetwork } from '../machine-devices.ts';
import { modelFolder } from './journal.ts';
import { below, file, folder, type Layout, link, merge, relativeTarget } from './layout.ts';
import { pciPath } from './pci-paths.ts';
import type { Running } from './running.ts';

const virtual = '/sys/devices/virtual/net';

/** Loopback, bonds, bridges and VLANs, and what `ip` tells. */
export function virtualNetLayout({ settings }: Running): Layout {
  const links = settings.interfaces ?? [];
  return merge([
    below('/sys/class', { net: folder() }),
    below('/sys/class/net', { lo: link('../../devices/virtual/net/lo') }),
    below(`${virtual}/lo`, { address: '00:00:00:00:00:00', flags: '0x9', operstate: 'unknown', carrier: '1' }),
    ...links.map((item) => merge([interfaceLayout(settings, item, `${virtual}/${item.name}`)])),
    below(`${modelFolder}/net`, { addresses: file(addressLines(settings)), routes: file(routeLines(settings)) }),
  ]);
}

/** An interface with what it is below and on top of. One that has no link tells no carrier while it is down, as the kernel. */
export function interfaceLayout(settings: MachineSettings, item: MachineNetwork, at: string): Layout {
  const uppers = (settings.interfaces ?? []).filter(({ on }) => on.includes(item.name));
  const master = uppers.find(({ kind }) => kind !== 'vlan');
  const to = (target: string) => link(relativeTarget(`${at}/x`, target));
  const lowers = (settings.interfaces ?? []).find(({ name }) => name === item.name)?.on ?? [];
  return merge([
    below(at, {
      address: item.mac,
      // IFF_UP, IFF_BROADCAST, IFF_MULTICAST (linux/if.h).
      flags: item.up ? '0x1003' : '0x1002',
      operstate: item.up ? 'up' : 'down',
      carrier: item.up ? '1' : '0',
      master: master === undefined ? undefined : to(`${virtual}/${master.name}`),
      ...Object.fromEntries(uppers.map(({ name }) => [`upper_${name}`, to(`${virtual}/${name}`)])),
      ...Object.fromEntries(lowers.map((name) => [`lower_${name}`, to(pathOf(settings, name))])),
    }),
    below('/sys/class/net', { [item.name]: link(relativeTarget('/sys/class/net/x', at)) }),
  ]);
}

/** All interfaces, with what is not said of their configuration: logins come in by the first that is up. */
export function networksOf(settings: MachineSettings): readonly MachineNetwork[] {
  const cards = settings.pci.flatMap(({ network }) => network ?? []);
  const dongles = (settings.usb ?? []).flatMap(({ interfaces }) => interfaces.flatMap(({ network }) => network ?? []));
  const all: readonly MachineNetwork[] = [...cards, ...dongles, ...(settings.interfaces ?? [])];
  if (all.some(({ ssh, defaultRoute }) => ssh === true || defaultRoute === true)) return all;
  const first = all.find(({ up }) => up);
  return all.map((item) =>
    item === first ? { addresses: ['192.0.2.10/24'], ...item, ssh: true, defaultRoute: true } : item,
  );
}

function pathOf(settings: MachineSettings, name: string): string {
  const card = settings.pci.find(({ network }) => network?.name === name);
  return card === undefined ? `${virtual}/${name}` : `${pciPath(settings.pci, card.address)}/net/${name}`;
}

/** As `ip -o addr` prints them (iproute2's ip/ipaddress.c). */
function addressLines(settings: MachineSettings): string {
  const ends = '\\       valid_lft forever preferred_lft forever\n';
  const rows = networksOf(settings).flatMap(({ name, addresses = [] }, index) =>
    addresses.map((address) =>
      address.includes(':')
        ? `${index + 2}: ${name}    inet6 ${address} scope global ${ends}`
        : `${index + 2}: ${name}    inet ${address} scope global ${name}${ends}`,
    ),
  );
  return [`1: lo    inet 127.0.0.1/8 scope host lo${ends}`, ...rows].join('');
}

/** `ssh NAME`, as which a stand-in shows the route back to a client, then the default routes. */
function routeLines(settings: MachineSettings): string {
  return networksOf(settings)
    .flatMap(({ name, addresses = [], defaultRoute, ssh }) => {
      const gateway = addresses.find((address) => !address.includes(':'))?.replace(/\.\d+\/\d+$/, '.1') ?? '192.0.2.1';
      return [
        ...(ssh === true ? [`ssh ${name}\n`] : []),
        ...(defaultRoute === true ? [`default via ${gateway} dev ${name} proto static \n`] : []),
      ];
    })
    .join('');
}

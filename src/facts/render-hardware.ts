import type { BlockDevice, HardwareFacts, NetInterface, UsbDevice } from './hardware.ts';

/** A line of the text for people: what it is about, and what is known of it. */
export type HardwareRow = readonly [label: string, value: string];

/** Devices and what uses them, in short rows by subject. */
export function hardwareParts(hardware: HardwareFacts): readonly (readonly [string, readonly HardwareRow[]])[] {
  const uarts = hardware.serial.filter(
    ({ uart, usb, console, getty }) => uart !== null || usb !== null || console || getty,
  );
  return [
    [
      'numa nodes',
      hardware.nodes.map(({ node, totalKiB, freeKiB }) => [`node ${node}`, `${gib(totalKiB)}, ${gib(freeKiB)} free`]),
    ],
    ['network', hardware.net.map((item) => [item.name, netText(item)])],
    ['disks', hardware.block.map((item) => [item.name, blockText(item)])],
    [
      'nvme controllers',
      hardware.nvme.map(({ name, pci, model, serial, namespaces }) => [
        name,
        [pci, model, serial, `disks ${namespaces.join(' ') || 'none'}`].filter(Boolean).join(', '),
      ]),
    ],
    ['usb', hardware.usb.filter(({ hub }) => !hub).map((item) => [item.port, usbText(item)])],
    [
      'serial ports',
      uarts.map(({ name, uart, usb, console, getty, links }) => [
        name,
        words([uart, usb !== null && `usb ${usb}`, console && 'console', getty && 'getty', ...links]),
      ]),
    ],
    ['sr-iov', functionRows(hardware)],
  ];
}

function functionRows({ pci }: HardwareFacts): readonly HardwareRow[] {
  return Object.entries(pci).flatMap(([address, { sriov }]): readonly HardwareRow[] =>
    sriov === null ? [] : [[address, `${sriov.active} of ${sriov.total} virtual functions`]],
  );
}

function netText({ pci, usb, mac, up, carrier, uppers, addresses, defaultRoute, ssh }: NetInterface): string {
  return words([
    pci,
    usb !== null && `usb ${usb}`,
    mac,
    up ? (carrier === false ? 'up without a link' : 'up') : 'down',
    uppers.length > 0 && `below ${uppers.join(' ')}`,
    addresses === null ? 'addresses unknown' : addresses.join(' '),
    defaultRoute && 'default route',
    ssh === true && 'SSH',
  ]);
}

function blockText({ pci, usb, partitionOf, sizeBytes, model, serial, ...use }: BlockDevice): string {
  return words([
    partitionOf === null ? pci : null,
    usb !== null && `usb ${usb}`,
    sizeBytes === null ? 'size unknown' : `${(sizeBytes / 1e9).toFixed(1)} GB`,
    model,
    partitionOf === null ? serial : null,
    use.signature === null ? 'contents unknown' : use.signature !== 'none' && use.signature,
    use.holders.length > 0 && `held by ${use.holders.join(' ')}`,
    use.mounts.length > 0 && `on ${use.mounts.join(' ')}`,
    use.swap && 'swap',
  ]);
}

function usbText({ vendor, product, title, serial, interfaces, pci }: UsbDevice): string {
  const drivers = new Set(interfaces.flatMap(({ driver }) => driver ?? []));
  return words([`${vendor}:${product}`, title, serial, pci, ...drivers]);
}

function words(parts: readonly (string | null | false)[]): string {
  return parts.filter((part) => part !== null && part !== false && part !== '').join(', ');
}

function gib(kib: number | null): string {
  return kib === null ? 'unknown' : `${(kib / 1024 / 1024).toFixed(1)} GiB`;
}

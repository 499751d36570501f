import { sh } from '../shell/script.ts';
import type { SerialPort } from './hardware.ts';
import { fileLinesOf, integer, linesOf, type Sections, textOf } from './sections.ts';
import { attributesOf, namesOf, pairsOf, pciAbove, said, usbAbove } from './sysfs.ts';

/**
 * Ports have a capital letter in their names (`ttyS0`, `ttyUSB0`), terminals have none. A getty that runs has a folder among the
 * control groups; one that starts at boot has a link in `/etc`, or one that systemd-getty-generator(8) has made for the console.
 * `/proc/tty/driver/serial`, for root, names the UARTs.
 */
export const serialProbe = sh`
section hardware-serial
[ -d /sys/class/tty ] && (cd /sys/class/tty && grep -aHs . tty[A-Z]*/dev tty[A-Z]*/type console/active)
section hardware-serial-paths
[ -d /sys/class/tty ] && (
  cd /sys/class/tty && ls -ld tty[A-Z]* 2>/dev/null | sed -n 's#^.* \\([^ ]*\\) -> \\([^ ]*\\)$#\\1 \\2#p'
)
section hardware-serial-uarts
grep -aE '^[0-9]+: uart:' /proc/tty/driver/serial 2>/dev/null
section hardware-serial-gettys
printf '%s\\n' /etc/systemd/system/*.wants/*getty@tty[A-Z]* /run/systemd/generator*/*.wants/*getty@tty[A-Z]* \\
  /sys/fs/cgroup/system.slice/system-*getty.slice/*getty@tty[A-Z]* \\
  /sys/fs/cgroup/systemd/system.slice/system-*getty.slice/*getty@tty[A-Z]*
ls -ld /etc/systemd/system/*getty@tty[A-Z]* /run/systemd/system/*getty@tty[A-Z]* 2>/dev/null |
  sed -n 's#^.*/\\([^/ ]*\\) -> /dev/null$#masked \\1#p'
grep -asE '^[^#].*getty' /etc/inittab
section hardware-serial-links
grep -aHs '^S:' /run/udev/data/c4:* /run/udev/data/c166:* /run/udev/data/c188:* /run/udev/data/c204:*
ls -ld /dev/serial/by-id/* 2>/dev/null | sed -n 's#^.* \\([^ ]*\\) -> .*/\\([^/ ]*\\)$#link \\1 \\2#p'
`;

/** `PORT_…` of include/uapi/linux/serial_core.h, with the names of `uart_config[]` in drivers/tty/serial/8250/8250_port.c. */
const uarts: readonly (string | null)[] = [
  ...[null, '8250', '16450', '16550', '16550A', 'Cirrus 16550', '16650', '16650V2', '16750', '16950/954', '16954'],
  ...['16654', '16850', 'RSA', 'NS16550A', 'XScale'],
];

/** Serial ports by name. */
export function parseSerial(sections: Sections): readonly SerialPort[] {
  const attributes = attributesOf(sections, 'hardware-serial', /(?:tty[A-Z]\w*|console)/);
  const paths = pairsOf(sections, 'hardware-serial-paths');
  const consoles = consolesOf(attributes.get('console')?.get('active') ?? '', textOf(sections, 'boot-running'));
  const gettys = gettysOf(sections);
  const named = uartNames(sections);
  const links = linksOf(sections);
  return [...attributes]
    .filter(([name]) => name.startsWith('tty') && !/^tty[A-Z]*printk/i.test(name))
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([name, values]) => ({
      name,
      uart: uartOf(name, values, named),
      usb: usbAbove(paths.get(name)),
      pci: pciAbove(paths.get(name)),
      console: consoles.has(name),
      getty: gettys.has(name),
      links: [...new Set([...(links.get(`c${values.get('dev') ?? ''}`) ?? []), ...(links.get(name) ?? [])])].sort(),
    }));
}

/** Only ports of the driver 8250 are `ttyS`; others have types of their own, and no UART in this sense. */
function uartOf(name: string, values: ReadonlyMap<string, string>, named: ReadonlyMap<string, string>): string | null {
  const type = integer(values.get('type'));
  if (!/^ttyS\d+$/.test(name) || type === 0) return null;
  const told = named.get(name);
  if (told !== undefined) return told === 'unknown' ? null : told;
  return type === null ? null : (uarts[type] ?? `type ${type}`);
}

function uartNames(sections: Sections): ReadonlyMap<string, string> {
  const names = linesOf(sections, 'hardware-serial-uarts').flatMap((line): [string, string][] => {
    const [, port, uart] = /^(\d{1,4}): uart:(.+?)(?: (?:port|mmio|irq|tx)\S*:.*)?$/.exec(line) ?? [];
    return port === undefined || uart === undefined ? [] : [[`ttyS${port}`, uart.trim()]];
  });
  return new Map(names);
}

/** The kernel's consoles now, and those that the command line names, which a port found later may become. */
function consolesOf(active: string, commandLine: string): ReadonlySet<string> {
  const asked = [...commandLine.matchAll(/(?:^|\s)console=(?:\/dev\/)?(tty[A-Z]\w*)/g)].map((found) => found[1] ?? '');
  return new Set([...active.split(/\s+/), ...asked]);
}

function gettysOf(sections: Sections): ReadonlySet<string> {
  const lines = namesOf(sections, 'hardware-serial-gettys');
  const masked = lines.flatMap((line) => /^masked (\S+)$/.exec(line)?.[1] ?? []);
  // What runs has not been ended by being masked.
  const isMasked = (line: string): boolean =>
    !line.startsWith('/sys/') && masked.some((unit) => line.endsWith(`/${unit}`) || line === `masked ${unit}`);
  const units = lines
    .filter((line) => !isMasked(line))
    .flatMap((line) => [
      ...(/\bgetty@(tty[A-Z]\w*)/.exec(line)?.slice(1, 2) ?? []),
      ...(/^[^#]*getty.*\b(tty[A-Z]\w*)/.exec(line)?.slice(1) ?? []),
    ]);
  return new Set(units);
}

/** Links by number of the device, as udev has noted them, and by name, as they stand in `/dev/serial/by-id`. */
function linksOf(sections: Sections): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const add = (key: string, path: string) => found.set(key, [...(found.get(key) ?? []), path]);
  for (const { path, text } of fileLinesOf(sections, 'hardware-serial-links', /^\/run\/udev\/data\/c\d+:\d+$/)) {
    const link = said(text.replace(/^S:/, ''));
    if (link !== null && !link.includes('by-path/')) add(path.slice(path.lastIndexOf('/') + 1), `/dev/${link}`);
  }
  for (const line of linesOf(sections, 'hardware-serial-links')) {
    const [, path, name] = /^link (\/dev\/serial\/by-id\/\S+) (tty\w+)$/.exec(line) ?? [];
    if (path !== undefined && name !== undefined) add(name, path);
  }
  return found;
}

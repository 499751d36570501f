import type { MachineUsbDevice } from '../machine-devices.ts';
import { below, file, folder, type Layout, link, merge, relativeTarget } from './layout.ts';
import type { Running } from './running.ts';

/** As many as Debian and Enterprise Linux make (CONFIG_SERIAL_8250_RUNTIME_UARTS); the first is there. */
const usual = [4, 0, 0, 0].map((type, index) => ({ name: `ttyS${index}`, type }));

const uarts: Readonly<Record<number, string>> = { 0: 'unknown', 4: '16550A', 10: '16954' };

/** Ports of the board, the console, and the gettys that systemd-getty-generator(8) makes for it. */
export function serialLayout({ settings, line }: Running): Layout {
  const ports = settings.serialPorts ?? usual;
  const asked = line.arguments.flatMap(([name, value]) => (name === 'console' ? [value?.split(',')[0] ?? ''] : []));
  const active = asked.length === 0 ? ['tty0'] : asked;
  const rows = ports.map(({ type }, index) =>
    type === 0
      ? `${index}: uart:unknown port:00000000 irq:0\n`
      : `${index}: uart:${uarts[type] ?? 'unknown'} port:000003F8 irq:4 tx:0 rx:0\n`,
  );
  const gettys = active.filter((name) => ports.some((port) => port.name === name && port.type !== 0));
  return merge([
    ...ports.map(({ name, type }, index) => boardPort(name, type, index)),
    below('/sys/devices/virtual/tty/console', { active: active.join(' ') }),
    below('/sys/class/tty', { console: link('../../devices/virtual/tty/console') }),
    below('/proc/tty/driver', { serial: file(`serinfo:1.0 driver revision:\n${rows.join('')}`, 0o400) }),
    ...gettys.map((name) =>
      merge([
        below('/run/systemd/generator/getty.target.wants', {
          [`serial-getty@${name}.service`]: link('/usr/lib/systemd/system/serial-getty@.service'),
        }),
        below('/sys/fs/cgroup/system.slice/system-serial\\x2dgetty.slice', {
          [`serial-getty@${name}.service`]: folder(),
        }),
      ]),
    ),
  ]);
}

function boardPort(name: string, type: number, index: number): Layout {
  const at = type === 0 ? `/sys/devices/platform/serial8250/tty/${name}` : `/sys/devices/pnp0/00:0${index}/tty/${name}`;
  return merge([
    below(at, { dev: `4:${64 + index}`, type: String(type) }),
    below('/sys/class/tty', { [name]: link(relativeTarget('/sys/class/tty/x', at)) }),
  ]);
}

/** A port that a driver has made of a USB device, with the link that udev's 60-serial.rules gives it. */
export function portLayout(name: string, at: string, device: MachineUsbDevice): Layout {
  const number = Number(/\d+$/.exec(name)?.[0] ?? 0);
  const place = `${at}/tty/${name}`;
  const words = [device.manufacturer, device.title, device.serial].flatMap((text) => text?.replaceAll(' ', '_') ?? []);
  const dev = `${name.startsWith('ttyACM') ? 166 : 188}:${number}`;
  return merge([
    below(place, { dev }),
    below('/sys/class/tty', { [name]: link(relativeTarget('/sys/class/tty/x', place)) }),
    below('/run/udev/data', {
      [`c${dev}`]: `S:serial/by-id/usb-${words.join('_')}-if00-port0\nS:serial/by-path/pci-usb-${device.port}:1.0-port0\nI:1300000`,
    }),
  ]);
}

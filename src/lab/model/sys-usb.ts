import type { MachineUsbDevice } from '../machine-devices.ts';
import { below, file, folder, type Layout, link, merge, relativeTarget } from './layout.ts';
import type { Running } from './running.ts';
import { disksLayout } from './sys-block.ts';
import { interfaceLayout } from './sys-net.ts';
import { portLayout } from './sys-serial.ts';
import { busesOf, type UsbBus } from './usb-buses.ts';

const bus = '/sys/bus/usb';

/** The buses of a controller whose folder is `at`, with all that is plugged in there. */
export function usbLayout(running: Running, address: string, at: string): Layout {
  return merge(
    busesOf(running.settings.pci)
      .filter(({ on }) => on === address)
      .flatMap((item) => [
        rootHubLayout(item, at),
        ...(running.settings.usb ?? []).flatMap((device, index, all) => {
          if (Number(device.port.split('-')[0]) !== item.bus) return [];
          const number = all.slice(0, index).filter(({ port }) => port.startsWith(`${item.bus}-`)).length + 2;
          return [deviceLayout(running, device, number, portPath(device.port, `${at}/usb${item.bus}`))];
        }),
      ]),
  );
}

/** Below each hub: `usb1/1-2/1-2.3`. */
function portPath(port: string, root: string): string {
  const [head = '', ...rest] = port.split('.');
  const steps = [head, ...rest.map((_, index) => [head, ...rest.slice(0, index + 1)].join('.'))];
  return [root, ...steps].join('/');
}

function rootHubLayout({ bus: number, version }: UsbBus, at: string): Layout {
  const [product, title] =
    version === '2.0' ? (['0002', 'EHCI/xHCI Host Controller'] as const) : (['0003', 'xHCI Host Controller'] as const);
  return deviceFolder(`usb${number}`, `${at}/usb${number}`, [`${number}-0:1.0`, '09', 'hub'], {
    busnum: String(number),
    devnum: '1',
    idVendor: '1d6b',
    idProduct: product,
    manufacturer: 'Linux xhci-hcd',
    product: title,
    bDeviceClass: '09',
  });
}

function deviceLayout(running: Running, device: MachineUsbDevice, number: number, at: string): Layout {
  const { port, interfaces } = device;
  const values = {
    busnum: port.split('-')[0],
    devnum: String(number),
    idVendor: device.vendor,
    idProduct: device.product,
    manufacturer: device.manufacturer,
    product: device.title,
    serial: device.serial,
    bDeviceClass: device.class ?? '00',
  };
  return merge([
    deviceFolder(port, at, null, values),
    ...interfaces.flatMap((item, index) => {
      const name = `${port}:1.${index}`;
      const place = `${at}/${name}`;
      return [
        interfaceFolder(name, place, item.class, item.driver),
        item.tty === undefined ? new Map() : portLayout(item.tty, `${place}/${item.tty}`, device),
        item.network === undefined
          ? new Map()
          : interfaceLayout(running.settings, item.network, `${place}/net/${item.network.name}`),
      ];
    }),
    disksLayout(running, port, `${at}/${port}:1.0`),
  ]);
}

function deviceFolder(
  name: string,
  at: string,
  hub: readonly [string, string, string] | null,
  values: Readonly<Record<string, string | undefined>>,
): Layout {
  return merge([
    below(at, values),
    below(at, { driver: link(relativeTarget(`${at}/x`, `${bus}/drivers/usb`)) }),
    below(`${bus}/drivers`, { usb: folder() }),
    below(`${bus}/devices`, { [name]: link(relativeTarget(`${bus}/devices/x`, at)) }),
    hub === null ? new Map() : interfaceFolder(hub[0], `${at}/${hub[0]}`, hub[1], hub[2]),
  ]);
}

function interfaceFolder(name: string, at: string, code: string, driver: string | null): Layout {
  return merge([
    below(at, { bInterfaceClass: code }),
    below(`${bus}/devices`, { [name]: link(relativeTarget(`${bus}/devices/x`, at)) }),
    driver === null
      ? new Map()
      : merge([
          below(at, { driver: link(relativeTarget(`${at}/x`, `${bus}/drivers/${driver}`)) }),
          below(`${bus}/drivers/${driver}`, { bind: file('', 0o200), unbind: file('', 0o200) }),
        ]),
  ]);
}

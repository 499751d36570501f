import { sh } from '../shell/script.ts';
import type { UsbDevice } from './hardware.ts';
import { integer, type Sections } from './sections.ts';
import { attributesOf, hexDigits, pairsOf, pciAbove, said } from './sysfs.ts';

/** Descriptors that the kernel has read when the device was plugged in: no device is asked now. */
export const usbProbe = sh`
section hardware-usb
[ -d /sys/bus/usb/devices ] && (
  cd /sys/bus/usb/devices
  grep -aHs . */busnum */devnum */idVendor */idProduct */serial */manufacturer */product */bDeviceClass */bInterfaceClass
)
section hardware-usb-paths
[ -d /sys/bus/usb/devices ] && (
  cd /sys/bus/usb/devices && ls -ld * */driver 2>/dev/null | sed -n 's#^.* \\([^ ]*\\) -> \\([^ ]*\\)$#\\1 \\2#p'
)
stat -c '%n %U:%G:%a' /dev/bus/usb/*/* 2>/dev/null
`;

type Values = ReadonlyMap<string, string>;

/** USB devices by port, root hubs among them. */
export function parseUsb(sections: Sections): readonly UsbDevice[] {
  const attributes = attributesOf(sections, 'hardware-usb', /(?:usb\d+|\d+-[\d.]+(?::\d+\.\d+)?)/);
  const paths = pairsOf(sections, 'hardware-usb-paths');
  return [...attributes]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .flatMap(([port, values]) => deviceOf(port, values, attributes, paths));
}

function deviceOf(
  port: string,
  values: Values,
  attributes: ReadonlyMap<string, Values>,
  paths: Values,
): readonly UsbDevice[] {
  const bus = integer(values.get('busnum'));
  const device = integer(values.get('devnum'));
  const vendor = hexDigits(values.get('idVendor'), 4);
  const product = hexDigits(values.get('idProduct'), 4);
  if (bus === null || device === null || vendor === null || product === null) return [];
  const words = [values.get('manufacturer'), values.get('product')].flatMap((text) => said(text) ?? []);
  return [
    {
      port,
      bus,
      device,
      vendor,
      product,
      serial: said(values.get('serial')),
      title: said(words.join(' ')),
      // USB-IF: base class 09h.
      hub: values.get('bDeviceClass') === '09',
      interfaces: interfacesOf(port, attributes, paths),
      pci: pciAbove(paths.get(port)),
      node: nodeOf(paths, bus, device),
    },
  ];
}

function nodeOf(paths: Values, bus: number, device: number): UsbDevice['node'] {
  const [folder, name] = [bus, device].map((number) => String(number).padStart(3, '0'));
  const printed = paths.get(`/dev/bus/usb/${folder}/${name}`);
  const [, user, group, mode] = /^(.+):(.+):([0-7]{1,4})$/.exec(printed ?? '') ?? [];
  return user === undefined || group === undefined || mode === undefined ? null : { user, group, mode };
}

/** Interfaces are `PORT:CONFIGURATION.NUMBER`; those of the root hub `usb1` are `1-0:1.0`. */
function interfacesOf(port: string, attributes: ReadonlyMap<string, Values>, paths: Values): UsbDevice['interfaces'] {
  const prefix = `${port.replace(/^usb(\d+)$/, '$1-0')}:`;
  return [...attributes]
    .filter(([name]) => name.startsWith(prefix))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, values]) => {
      const code = hexDigits(values.get('bInterfaceClass'), 2);
      const driver = paths.get(`${name}/driver`)?.split('/').at(-1) ?? null;
      return code === null ? [] : [{ class: code, driver }];
    });
}

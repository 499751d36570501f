import type { MachinePciDevice } from '../machine.ts';
import { below, type Entry, file, folder, type Layout, link, merge, relativeTarget } from './layout.ts';
import { moduleFacts } from './module-table.ts';
import { functionsOf, parentOf } from './pci-bus.ts';
import { childrenLayout } from './pci-children.ts';
import { pciPath } from './pci-paths.ts';
import { atLeast } from './release.ts';
import type { Running } from './running.ts';

/** The PCI bus in `/sys`: devices, drivers, and what drivers make of their devices. Source: sysfs-bus-pci of the kernel's ABI files. */
export function pciLayout(running: Running): Layout {
  const { settings } = running;
  return merge([
    ...settings.pci.map((device) => deviceLayout(running, device)),
    ...driverNames(running).map((driver) => driverLayout(running, driver)),
    below('/sys/bus/pci', {
      drivers_probe: file('', 0o200),
      rescan: file('', 0o200),
      drivers_autoprobe: '1',
      slots: folder(),
    }),
    ...slotLayouts(running),
  ]);
}

function deviceLayout(running: Running, device: MachinePciDevice): Layout {
  const { settings, iommu, modules } = running;
  const at = pciPath(settings.pci, device.address);
  const to = (target: string) => link(relativeTarget(`${at}/x`, target));
  const driver = modules.bound.get(device.address);
  const resets = device.resets ?? (device.class.startsWith('06') ? [] : ['flr', 'bus']);
  const grouped = iommu.on && device.group !== null;
  const layouts = [
    below(at, {
      class: `0x${device.class}`,
      vendor: `0x${device.vendor}`,
      device: `0x${device.device}`,
      subsystem_vendor: `0x${device.subsystem?.vendor ?? '0000'}`,
      subsystem_device: `0x${device.subsystem?.device ?? '0000'}`,
      revision: `0x${device.revision ?? '00'}`,
      numa_node: String(device.numaNode ?? -1),
      enable: driver === undefined ? '0' : '1',
      modalias: modalias(device),
      uevent: file(uevent(device, driver)),
      driver_override: modules.overrides.get(device.address) ?? '(null)',
      boot_vga: device.class.startsWith('0300') ? (device.bootVga === true ? '1' : '0') : undefined,
      reset: resets.length > 0 ? file('', 0o200) : undefined,
      reset_method: resets.length > 0 && atLeast(running.kernel.release, 5, 15) ? resets.join(' ') : undefined,
      subsystem: to('/sys/bus/pci'),
      driver: driver === undefined ? undefined : to(`/sys/bus/pci/drivers/${driver}`),
      iommu_group: grouped ? to(`/sys/kernel/iommu_groups/${device.group}`) : undefined,
      sriov_totalvfs: device.sriov === undefined ? undefined : String(device.sriov.total),
      sriov_numvfs: device.sriov === undefined ? undefined : String(running.functions.get(device.address) ?? 0),
      sriov_offset: device.sriov === undefined ? undefined : String(device.sriov.offset),
      sriov_stride: device.sriov === undefined ? undefined : String(device.sriov.stride),
      sriov_vf_device: device.sriov?.device,
      sriov_drivers_autoprobe:
        device.sriov === undefined ? undefined : running.unprobed.has(device.address) ? '0' : '1',
      ...functionLinks(running, device.address, to),
    }),
    below('/sys/bus/pci/devices', { [device.address]: link(relativeTarget('/sys/bus/pci/devices/x', at)) }),
  ];
  if (driver !== undefined && driver !== 'vfio-pci') layouts.push(childrenLayout(running, device, at));
  return merge(layouts);
}

/** `virtfn0` and so on of a physical function, `physfn` of a virtual one. */
function functionLinks(running: Running, address: string, to: (target: string) => Entry): Record<string, Entry> {
  const place = (other: string) => to(pciPath(running.settings.pci, other));
  const parent = parentOf(running, address);
  const links = functionsOf(running, address).map((other, index) => [`virtfn${index}`, place(other)] as const);
  return Object.fromEntries([...links, ...(parent === null ? [] : [['physfn', place(parent)] as const])]);
}

/** Slots by name; the kernel tells their address without a function (`address_read_file()` of drivers/pci/slot.c). */
function slotLayouts({ settings }: Running): readonly Layout[] {
  return settings.pci.flatMap(({ address, slot }) =>
    slot === undefined ? [] : [below(`/sys/bus/pci/slots/${slot}`, { address: address.slice(0, -2) })],
  );
}

/** Drivers that the kernel or a loaded module has registered. */
function driverNames({ modules }: Running): readonly string[] {
  return [...new Set([...modules.drivers, ...modules.bound.values()])];
}

function driverLayout({ settings, kernel, modules }: Running, driver: string): Layout {
  const at = `/sys/bus/pci/drivers/${driver}`;
  const owner = modules.loaded.find((name) => moduleFacts(kernel, name).drivers.includes(driver));
  const bound = [...modules.bound].filter(([, name]) => name === driver).map(([address]) => address);
  return merge([
    below(at, {
      bind: file('', 0o200),
      unbind: file('', 0o200),
      new_id: file('', 0o200),
      module: owner === undefined ? undefined : link(`../../../../module/${owner}`),
    }),
    below(
      at,
      Object.fromEntries(
        bound.map((address) => [address, link(relativeTarget(`${at}/x`, pciPath(settings.pci, address)))]),
      ),
    ),
  ]);
}

function modalias({ vendor, device, subsystem, class: code }: MachinePciDevice): string {
  const long = (digits: string) => digits.toUpperCase().padStart(8, '0');
  const [base, sub, interfaceCode] = [code.slice(0, 2), code.slice(2, 4), code.slice(4)];
  const owner = `sv${long(subsystem?.vendor ?? '0')}sd${long(subsystem?.device ?? '0')}`;
  return `pci:v${long(vendor)}d${long(device)}${owner}bc${base}sc${sub}i${interfaceCode}`;
}

function uevent(device: MachinePciDevice, driver: string | undefined): string {
  const lines = [
    ...(driver === undefined ? [] : [`DRIVER=${driver}`]),
    `PCI_CLASS=${device.class.replace(/^0/, '').toUpperCase()}`,
    `PCI_ID=${device.vendor.toUpperCase()}:${device.device.toUpperCase()}`,
    `PCI_SLOT_NAME=${device.address}`,
    `MODALIAS=${modalias(device)}`,
  ];
  return `${lines.join('\n')}\n`;
}

import type { MachinePciDevice } from '../machine.ts';
import type { MachineDisk } from '../machine-devices.ts';
import { disksOf, partitionName, type Volume, volumesOf } from './disks.ts';
import { below, folder, type Layout, link, merge, relativeTarget } from './layout.ts';
import type { Running } from './running.ts';

/** Where the kernel has the disks that stand below no device. */
const virtual = '/sys/devices/virtual';

/** The disks below a controller or a USB device whose folder in `/sys/devices` is `at`. */
export function disksLayout(running: Running, on: string, at: string): Layout {
  const disks = disksOf(running.settings).filter((disk) => disk.on === on);
  return merge(disks.map((disk, index) => diskLayout(running, disk, placeOf(disk, at, index))));
}

/** NVMe controllers: `/sys/class/nvme`, the namespace below it or below its subsystem, and the subsystem itself. */
export function nvmeLayout(running: Running, device: MachinePciDevice, at: string): Layout {
  const { settings } = running;
  const index = settings.pci.filter(({ serial }) => serial !== undefined).indexOf(device);
  const disk = disksOf(settings).find(({ on }) => on === device.address);
  const name = `nvme${index}`;
  const base = `${at}/nvme/${name}`;
  const values = { serial: (device.serial ?? '').padEnd(20), model: (disk?.model ?? '').padEnd(40) };
  const controller = merge([
    below(base, { ...values, address: device.address, state: 'live', device: link('../..') }),
    below('/sys/class/nvme', { [name]: link(relativeTarget('/sys/class/nvme/x', base)) }),
  ]);
  if (disk === undefined) return controller;
  if (disk.multipath !== true) return merge([controller, diskLayout(running, disk, `${base}/${disk.name}`)]);
  const subsystem = `${virtual}/nvme-subsystem/nvme-subsys${index}`;
  return merge([
    controller,
    below(`${base}/${name}c0n1`, { hidden: '1', size: String(disk.sizeBytes / 512) }),
    below('/sys/class/block', {
      [`${name}c0n1`]: link(relativeTarget('/sys/class/block/x', `${base}/${name}c0n1`)),
    }),
    below(subsystem, { ...values, [name]: link(relativeTarget(`${subsystem}/x`, base)) }),
    below('/sys/class/nvme-subsystem', {
      [`nvme-subsys${index}`]: link(relativeTarget('/sys/class/nvme-subsystem/x', subsystem)),
    }),
    diskLayout(running, disk, `${subsystem}/${disk.name}`),
  ]);
}

/** What the device mapper has made. What it holds has it among its holders. */
export function mappedLayout(running: Running): Layout {
  const volumes = volumesOf(running.settings);
  return merge([
    below('/sys/class', { block: folder() }),
    ...volumes.flatMap(({ name, mapped, sizeBytes, number }) => {
      if (mapped === null) return [];
      const at = `${virtual}/block/${name}`;
      return [
        below(at, { dev: number, size: String(Math.floor(sizeBytes / 512)), 'dm/name': mapped.label }),
        below(`${at}/holders`, {}),
        classLinks(name, at, true),
      ];
    }),
  ]);
}

/** `/run/udev/data`: what udev has found on each disk (systemd's src/libsystemd/sd-device writes it; names of `blkid -o udev`). */
export function udevLayout({ settings }: Running): Layout {
  return merge(
    volumesOf(settings).map((volume) => below('/run/udev/data', { [`b${volume.number}`]: udevRecord(volume) })),
  );
}

function udevRecord({ disk, partition, mapped }: Volume): string {
  const { signature, label } = { ...(disk !== null && partition === null ? disk : {}), ...partition, ...mapped } as {
    signature?: string;
    label?: string;
  };
  const lines = [
    'I:1200000',
    ...(disk === null ? [] : [`E:ID_MODEL=${disk.model.replaceAll(' ', '_')}`, `E:ID_SERIAL_SHORT=${disk.serial}`]),
    ...(disk?.table === undefined ? [] : [`E:ID_PART_TABLE_TYPE=${disk.table}`]),
    ...(signature === undefined ? [] : [`E:ID_FS_TYPE=${signature}`]),
    ...(partition !== null && label !== undefined ? [`E:ID_FS_LABEL=${label}`] : []),
    'G:systemd',
  ];
  return lines.join('\n');
}

function diskLayout({ settings }: Running, disk: MachineDisk, at: string): Layout {
  const volumes = volumesOf(settings);
  const nvme = disk.name.startsWith('nvme');
  const numbers = new Map(volumes.map(({ name, number }) => [name, number]));
  const sectors = (bytes: number) => String(Math.floor(bytes / 512));
  const values = { size: sectors(disk.sizeBytes), dev: numbers.get(disk.name), removable: '0' };
  const parts = (disk.partitions ?? []).map(({ number, sizeBytes }) => {
    const name = partitionName(disk, number);
    return merge([
      below(`${at}/${name}`, { size: sectors(sizeBytes), dev: numbers.get(name), partition: String(number) }),
      below(`${at}/${name}/holders`, holdersOf(volumes, name, `${at}/${name}/holders`)),
      classLinks(name, `${at}/${name}`, false),
    ]);
  });
  return merge([
    below(at, values),
    // The model of NVMe is the controller's, which the namespace's link leads to.
    nvme ? below(at, { device: link('..') }) : below(at, { device: link('../..') }),
    nvme ? new Map() : below(at.slice(0, at.lastIndexOf('/block/')), { model: disk.model.padEnd(16) }),
    below(`${at}/holders`, holdersOf(volumes, disk.name, `${at}/holders`)),
    classLinks(disk.name, at, true),
    ...parts,
  ]);
}

function holdersOf(
  volumes: readonly Volume[],
  name: string,
  at: string,
): Readonly<Record<string, ReturnType<typeof link>>> {
  const holders = volumes.filter(({ mapped }) => mapped?.on.includes(name) === true);
  return Object.fromEntries(
    holders.map((holder) => [holder.name, link(relativeTarget(`${at}/x`, `${virtual}/block/${holder.name}`))]),
  );
}

function classLinks(name: string, at: string, whole: boolean): Layout {
  return merge([
    below('/sys/class/block', { [name]: link(relativeTarget('/sys/class/block/x', at)) }),
    whole ? below('/sys/block', { [name]: link(relativeTarget('/sys/block/x', at)) }) : new Map(),
  ]);
}

/** Below a SCSI host of its own; virtio has none. */
function placeOf(disk: MachineDisk, at: string, index: number): string {
  if (disk.name.startsWith('vd')) return `${at}/virtio${index}/block/${disk.name}`;
  return `${at}/host${index}/target${index}:0:0/${index}:0:0:0/block/${disk.name}`;
}

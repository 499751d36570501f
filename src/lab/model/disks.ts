import type { MachinePciDevice, MachineSettings } from '../machine.ts';
import type { MachineDisk, MachineMapped, MachinePartition } from '../machine-devices.ts';

/** A disk, a partition or a mapped device, with its number. */
export interface Volume {
  readonly name: string;
  /** `8:1`. */
  readonly number: string;
  readonly sizeBytes: number;
  readonly disk: MachineDisk | null;
  readonly partition: MachinePartition | null;
  readonly mapped: MachineMapped | null;
}

type Storage = Pick<MachineSettings, 'pci' | 'disks' | 'mapped' | 'filesystems' | 'boot'>;

/** Disks that a machine has: those that are named, those of its NVMe controllers, and those that its file systems are on. */
export function disksOf(settings: Storage): readonly MachineDisk[] {
  const named = settings.disks ?? [];
  const found = [...named, ...nvmeDisks(settings, named)];
  for (const source of sourcesOf(settings)) {
    const name = /^\/dev\/([sv]d[a-z])\d*$/.exec(source)?.[1];
    const on = controllerOf(settings.pci, name);
    if (name === undefined || on === null || found.some((disk) => disk.name === name)) continue;
    found.push({ name, on, sizeBytes: 480e9, model: 'lab disk', serial: `LAB${name.toUpperCase()}`, table: 'gpt' });
  }
  return found.map((disk) => withPartitions(disk, settings));
}

/** What is mapped: as named, and what mounted file systems imply, on a partition after the others of the first disk that has any. */
export function mappedOf(settings: Storage): readonly MachineMapped[] {
  const named = settings.mapped ?? [];
  const labels = impliedLabels(settings);
  const disk = mappedDisk(settings, disksNamed(settings));
  if (labels.length === 0 || disk === undefined) return named;
  const on = partitionName(disk, Math.max(0, ...directPartitions(disk, settings)) + 1);
  return [...named, ...labels.map((label) => ({ label, on: [on] }))];
}

/** Everything that has a number, in the kernel's order: 8 of SCSI, 254 of virtio, 259 of NVMe (which has no fixed ones), 253 mapped. */
export function volumesOf(settings: Storage): readonly Volume[] {
  const disks = disksOf(settings);
  let extended = 0;
  const volumes = disks.flatMap((disk): Volume[] => {
    const nth = disks.filter(({ name }) => name.slice(0, 2) === disk.name.slice(0, 2)).indexOf(disk);
    const numberOf = (part: number) =>
      disk.name.startsWith('nvme') ? `259:${extended++}` : `${disk.name.startsWith('vd') ? 254 : 8}:${nth * 16 + part}`;
    const rest = { disk, mapped: null };
    const whole = { ...rest, name: disk.name, number: numberOf(0), sizeBytes: disk.sizeBytes, partition: null };
    const parts = (disk.partitions ?? []).map((partition) => ({
      ...rest,
      name: partitionName(disk, partition.number),
      number: numberOf(partition.number),
      sizeBytes: partition.sizeBytes,
      partition,
    }));
    return [whole, ...parts];
  });
  const mapped = mappedOf(settings).map(
    (item, index): Volume => ({
      ...{ name: `dm-${index}`, number: `253:${index}`, sizeBytes: 50e9 },
      ...{ disk: null, partition: null, mapped: item },
    }),
  );
  return [...volumes, ...mapped];
}

/** Number of the device that a file system is on; `null`: it has one of its own, as ZFS. */
export function numberOfSource(volumes: readonly Volume[], source: string): string | null {
  const found = volumes.find(
    ({ name, mapped }) => source === `/dev/${name}` || (mapped !== null && source === `/dev/mapper/${mapped.label}`),
  );
  return found?.number ?? null;
}

export function partitionName(disk: Pick<MachineDisk, 'name'>, number: number): string {
  return `${disk.name}${/\d$/.test(disk.name) ? 'p' : ''}${number}`;
}

function nvmeDisks({ pci }: Storage, named: readonly MachineDisk[]): readonly MachineDisk[] {
  const controllers = pci.filter(({ serial }) => serial !== undefined);
  return controllers.flatMap(({ address, serial = '' }, index) =>
    named.some(({ on }) => on === address)
      ? []
      : [
          {
            ...{ name: `nvme${index}n1`, on: address, sizeBytes: 1875385008 * 512 },
            ...{ model: 'SAMSUNG MZVLW1T0HMLH-00000', serial },
          },
        ],
  );
}

/** A RAID controller before AHCI before anything else that is no NVMe; disks of virtio are each a device (class 0100). */
function controllerOf(pci: readonly MachinePciDevice[], name: string | undefined): string | null {
  const classes = name?.startsWith('vd') === true ? ['0100'] : ['0104', '0106', '0100', '0107'];
  const found = classes.flatMap((code) => pci.filter((device) => device.class.startsWith(code)));
  return found[0]?.address ?? null;
}

function withPartitions(disk: MachineDisk, settings: Storage): MachineDisk {
  const own = disk.partitions ?? [];
  const direct = directPartitions(disk, settings);
  const implied: MachinePartition[] = direct.map((number) => ({
    number,
    sizeBytes: 50e9,
    signature: typeAt(settings, `/dev/${partitionName(disk, number)}`),
  }));
  const next = Math.max(0, ...direct) + 1;
  if (mappedDisk(settings, disksNamed(settings))?.name === disk.name && impliedLabels(settings).length > 0)
    implied.push({ number: next, sizeBytes: 400e9, signature: 'LVM2_member' });
  const pool = settings.filesystems.find(({ type }) => type === 'zfs')?.source.split('/')[0];
  const bootable = (settings.boot.unmounted ?? []).some(({ source }) => belongsTo(source, disk));
  if (pool !== undefined && bootable)
    implied.push({ number: next, sizeBytes: 400e9, signature: 'zfs_member', label: pool });
  const partitions = [...own, ...implied.filter(({ number }) => !own.some((item) => item.number === number))];
  if (partitions.length === 0) return disk;
  return { ...disk, table: disk.table ?? 'gpt', partitions: partitions.toSorted((a, b) => a.number - b.number) };
}

/** Numbers of the partitions that are mounted, or that tools mount. */
function directPartitions(disk: Pick<MachineDisk, 'name'>, settings: Storage): readonly number[] {
  const numbers = sourcesOf(settings).flatMap((source) =>
    belongsTo(source, disk) ? [Number(/(\d+)$/.exec(source)?.[1])] : [],
  );
  return [...new Set(numbers)].sort((a, b) => a - b);
}

function belongsTo(source: string, { name }: Pick<MachineDisk, 'name'>): boolean {
  const rest = source.startsWith(`/dev/${name}`) ? source.slice(`/dev/${name}`.length) : '';
  return /^p?\d+$/.test(rest);
}

function typeAt({ filesystems }: Storage, source: string): string {
  return filesystems.find((item) => item.source === source)?.type ?? 'vfat';
}

function sourcesOf({ filesystems, boot }: Storage): readonly string[] {
  return [...filesystems, ...(boot.unmounted ?? [])].map(({ source }) => source);
}

function impliedLabels({ filesystems, mapped = [] }: Storage): readonly string[] {
  const labels = filesystems.flatMap(({ source }) => /^\/dev\/mapper\/(.+)$/.exec(source)?.[1] ?? []);
  return [...new Set(labels)].filter((label) => !mapped.some((item) => item.label === label));
}

/** Names of disks only, so that what is mapped can be known before their partitions are. */
function disksNamed(settings: Storage): readonly { readonly name: string }[] {
  const named = settings.disks ?? [];
  const scsi = sourcesOf(settings).flatMap((source) => /^\/dev\/([sv]d[a-z])\d*$/.exec(source)?.[1] ?? []);
  return [...named, ...scsi.map((name) => ({ name })), ...nvmeDisks(settings, named)];
}

/** The one that other file systems are on. */
function mappedDisk(
  settings: Storage,
  disks: readonly { readonly name: string }[],
): { readonly name: string } | undefined {
  return disks.find((disk) => directPartitions(disk, settings).length > 0) ?? disks[0];
}

import { joinScripts, sh } from '../shell/script.ts';
import type { BlockDevice, NvmeController } from './hardware.ts';
import { type Mount, mountsProbe, type Pools, parseMounts, parsePools, parseSwaps } from './mounts.ts';
import { fileLinesOf, integer, type Sections } from './sections.ts';
import { attributesOf, namesOf, pairsOf, pciAbove, said, usbAbove } from './sysfs.ts';

/** What udev has found on a disk stands in its database (`/run/udev/data`, by number), for everybody to read: no disk is opened. */
export const blockProbe = joinScripts([
  sh`
section hardware-block
[ -d /sys/class/block ] && (
  cd /sys/class/block && grep -aHs . */dev */size */partition */serial */device/model */device/serial */dm/name
)
section hardware-block-paths
[ -d /sys/class/block ] && (
  cd /sys/class/block && ls -ld * 2>/dev/null | sed -n 's#^.* \\([^ ]*\\) -> \\([^ ]*\\)$#\\1 \\2#p'
)
section hardware-block-holders
[ -d /sys/class/block ] && (cd /sys/class/block && printf '%s\\n' */holders/*)
section hardware-udev
grep -aHsE '^(I:|E:(ID_FS_TYPE|ID_FS_LABEL|ID_PART_TABLE_TYPE|ID_SERIAL_SHORT)=)' /run/udev/data/b[0-9]*
`,
  mountsProbe,
]);

/** Memory that looks like a disk, and files that do: what they rest on is seen at that. */
const unreal = /^(?:ram|loop|zram|fd)\d+/;

/** All that a disk is judged by. */
interface Readings {
  readonly mounts: readonly Mount[];
  readonly swaps: readonly string[];
  readonly pools: Pools;
  readonly holders: readonly string[];
  /** What udev found, by number of the device; only those that it has looked at. */
  readonly udev: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly controllers: readonly NvmeController[];
  /** Names that the device mapper gives, by name in sysfs. */
  readonly mapped: ReadonlyMap<string, string>;
}

type Values = ReadonlyMap<string, string>;

/** Disks, partitions and what is mapped onto them, by name. A disk without a number is hidden: nobody can open it. */
export function parseBlock(sections: Sections, controllers: readonly NvmeController[]): readonly BlockDevice[] {
  const mounts = parseMounts(sections);
  const disks = attributesOf(sections, 'hardware-block', /[^/\s:]+/);
  const readings: Readings = {
    mounts,
    swaps: parseSwaps(sections),
    pools: parsePools(sections, mounts),
    holders: namesOf(sections, 'hardware-block-holders'),
    udev: udevOf(sections),
    controllers,
    mapped: new Map([...disks].flatMap(([name, values]) => [[name, values.get('dm/name') ?? '']])),
  };
  const paths = pairsOf(sections, 'hardware-block-paths');
  return [...disks]
    .filter(([name, values]) => values.has('dev') && !unreal.test(name))
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([name, values]) => deviceOf(name, values, paths.get(name), readings));
}

function deviceOf(name: string, values: Values, path: string | undefined, readings: Readings): BlockDevice {
  const number = values.get('dev') ?? '';
  const found = readings.udev.get(number);
  const sectors = integer(values.get('size'));
  const partitionOf = values.has('partition') ? (path?.split('/').at(-2) ?? null) : null;
  const pool = poolOf(name, found, readings.pools);
  return {
    name,
    pci: pciAbove(path) ?? controllerOf(partitionOf ?? name, readings.controllers),
    usb: usbAbove(path),
    partitionOf,
    // Always of 512 bytes, whatever the disk's are (Documentation/ABI/stable/sysfs-block).
    sizeBytes: sectors === null ? null : sectors * 512,
    model: said(values.get('device/model')),
    serial: said(found?.get('ID_SERIAL_SHORT') ?? values.get('serial') ?? values.get('device/serial')),
    holders: [...holdersOf(name, readings.holders), ...(pool === null ? [] : [pool])],
    mounts: mountsOf(name, number, readings, pool),
    swap: namesFor(name, readings.mapped).some((path) => readings.swaps.includes(path)),
    signature: signatureOf(found, partitionOf !== null),
  };
}

/** A disk of native multipath stands below no controller; where only one leads to it, it is that one's. */
function controllerOf(name: string, controllers: readonly NvmeController[]): string | null {
  const owners = controllers.filter(({ namespaces }) => namespaces.includes(name));
  return owners.length === 1 ? (owners[0]?.pci ?? null) : null;
}

function holdersOf(name: string, lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => (line.startsWith(`${name}/holders/`) ? [line.slice(line.lastIndexOf('/') + 1)] : []));
}

/** The label of a member of a pool is the pool's name. */
function poolOf(name: string, found: Values | undefined, pools: Pools): string | null {
  const label = found?.get('ID_FS_LABEL') ?? '';
  if (found?.get('ID_FS_TYPE') === 'zfs_member' && pools.zfs.includes(label)) return `zpool ${label}`;
  const id = pools.btrfs.get(name);
  return id === undefined ? null : `btrfs ${id}`;
}

/** `/dev/cciss/c0d0` is `cciss!c0d0` in sysfs. */
function namesFor(name: string, mapped: ReadonlyMap<string, string>): readonly string[] {
  const label = mapped.get(name) ?? '';
  return [`/dev/${name.replaceAll('!', '/')}`, ...(label === '' ? [] : [`/dev/mapper/${label}`])];
}

function mountsOf(
  name: string,
  number: string,
  { mounts, pools, mapped }: Readings,
  pool: string | null,
): readonly string[] {
  const names = namesFor(name, mapped);
  const brothers = [...pools.btrfs]
    .filter(([, id]) => pool === `btrfs ${id}`)
    .flatMap(([disk]) => namesFor(disk, mapped));
  const found = mounts.filter(
    (mount) =>
      mount.number === number ||
      mount.sources.some((source) => names.includes(source)) ||
      (mount.type === 'btrfs' && mount.sources.some((source) => brothers.includes(source))) ||
      (mount.type === 'zfs' && mount.sources.some((source) => pool === `zpool ${source.split('/')[0]}`)),
  );
  const whole = found.filter(({ part, type }) => !part || type === 'btrfs');
  const places = new Set((whole.length > 0 ? whole : found).map(({ at }) => at));
  return [...places].sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).slice(0, 8);
}

/** A partition has its disk's properties, too (60-persistent-storage.rules of systemd), so a table is the disk's alone. */
function signatureOf(found: Values | undefined, partition: boolean): string | null {
  if (found === undefined) return null;
  return said(found.get('ID_FS_TYPE')) ?? (partition ? null : said(found.get('ID_PART_TABLE_TYPE'))) ?? 'none';
}

function udevOf(sections: Sections): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const found = new Map<string, Map<string, string>>();
  for (const { path, text } of fileLinesOf(sections, 'hardware-udev', /^\/run\/udev\/data\/b\d+:\d+$/)) {
    const number = path.slice(path.lastIndexOf('/b') + 2);
    const values = found.get(number) ?? new Map<string, string>();
    const [, key, value] = /^E:(ID_[A-Z_]+)=(.*)$/.exec(text) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, value);
    found.set(number, values);
  }
  return found;
}

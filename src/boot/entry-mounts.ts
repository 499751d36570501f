import { VfleetError } from '../errors.ts';
import { type Script, sh } from '../shell/script.ts';

/** A partition that is mounted where boot entries may be. */
export interface EntryMount {
  readonly folder: string;
  readonly type: string;
  /** Lower case; `null`: unknown. */
  readonly partition: string | null;
  /** It is an extended boot loader partition by its type, which the boot loader reads besides its own. */
  readonly extended: boolean;
}

/** What is known of the partitions behind boot entries. */
export interface EntryMounts {
  readonly mounts: readonly EntryMount[];
  /** The partition that systemd-boot was started from, as it says itself; `null`: unknown. */
  readonly booted: string | null;
}

/** Type of an extended boot loader partition (The Boot Loader Specification). */
const extendedType = 'bc13c2ff-59e6-4262-a352-b275fd6f7172';

/**
 * Prints what is mounted at the places of an EFI system partition, and the EFI variable in which systemd-boot names the
 * partition that it was started from (systemd.io/BOOT_LOADER_INTERFACE): UTF-16 behind four bytes.
 */
export function printEntryMounts(mounts = '/proc/mounts', links = '/dev/disk/by-partuuid'): Script {
  return sh`
for variable in /sys/firmware/efi/efivars/LoaderDevicePartUUID-*; do
  if [ -r "$variable" ]; then echo "booted $(tail -c +5 "$variable" | tr -cd '0-9A-Fa-f-')"; fi
done
while read -r source folder type rest; do
  case $type:$folder in autofs:*) continue ;; *:/boot|*:/boot/efi|*:/efi) ;; *) continue ;; esac
  device=$(readlink -f "$source") partition= kind=
  for link in ${links}/*; do
    if [ -n "$device" ] && [ "$(readlink -f "$link")" = "$device" ]; then partition=\${link##*/}; break; fi
  done
  if command -v lsblk >/dev/null 2>&1; then kind=$(lsblk -ndo PARTTYPE "$device" 2>/dev/null); fi
  echo "mounted $folder $type \${partition:--} \${kind:--}"
done <${mounts}`;
}

/** What `printEntryMounts` printed; of several mounts over one another the last counts. */
export function parseEntryMounts(text: string): EntryMounts {
  const rows = text.split('\n').map((line) => line.trim().split(' '));
  const mounts = new Map<string, EntryMount>();
  for (const [word, folder = '', type = '', partition = '-', kind = '-'] of rows) {
    if (word !== 'mounted') continue;
    const known = partition === '-' ? null : partition.toLowerCase();
    mounts.set(folder, { folder, type, partition: known, extended: kind.toLowerCase() === extendedType });
  }
  const booted = rows.find(([word]) => word === 'booted')?.[1]?.toLowerCase();
  return { mounts: [...mounts.values()], booted: booted === undefined || booted === '' ? null : booted };
}

/**
 * Refuses entries that systemd-boot does not read: files below a mount point with nothing mounted, and those of another partition
 * than the one that was booted. What is unknown is not held against them. Errors: `boot.source`.
 */
export function refuseUnreadEntries(paths: readonly string[], { mounts, booted }: EntryMounts): void {
  const isBooted = mounts.some(({ partition }) => partition !== null && partition === booted);
  for (const path of paths) {
    const top = path.replace(/\/(?:loader|EFI)\/.*$/, '');
    const mount = mounts.find(({ folder }) => folder === top);
    if (mount === undefined || (mount.type !== 'vfat' && top !== '/boot')) throw notMounted(path, top, mount);
    if (booted === null || mount.partition === null || mount.partition === booted) continue;
    // An extended boot loader partition is one besides the other; without its type, the other tells.
    if (mount.extended || (top === '/boot' && isBooted)) continue;
    throw otherPartition(path, mount, booted);
  }
}

function notMounted(path: string, top: string, mount: EntryMount | undefined): VfleetError {
  return new VfleetError({
    code: 'boot.source',
    thing: path,
    expected: `an EFI system partition mounted at ${top}, as the firmware reads nothing else`,
    found: mount === undefined ? `nothing mounted at ${top}: the file is no boot entry` : `${mount.type} at ${top}`,
    next: 'mount the EFI system partition (`bootctl status` names it), and move what lies below it away; nothing was changed',
  });
}

function otherPartition(path: string, { folder, partition }: EntryMount, booted: string): VfleetError {
  return new VfleetError({
    code: 'boot.source',
    thing: path,
    expected: `the EFI system partition that was booted, ${booted} by the EFI variable LoaderDevicePartUUID`,
    found: `partition ${partition} mounted at ${folder}`,
    next: `mount the partition that was booted there (/dev/disk/by-partuuid/${booted}), or boot from the other; nothing was changed`,
  });
}

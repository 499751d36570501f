import { type Script, sh } from '../shell/script.ts';
import { environmentMark } from './grub-read-back.ts';
import { printMissing } from './print-missing.ts';

/** The EFI system partitions that proxmox-boot-tool keeps, by the UUID of their file system, one on a line. */
export const espList = '/etc/kernel/proxmox-boot-uuids';

/**
 * Prints what each listed partition boots, and writes nothing. One that is not mounted is mounted read-only, in a mount
 * namespace that ends with the process that reads (mount_namespaces(7)): no other process sees that mount, and none is left
 * over when the link is lost or the process killed. Where there is no such namespace to be had, nothing is mounted. Nor is it
 * while proxmox-boot-tool works: a partition that is mounted read-only cannot be mounted writable elsewhere.
 */
export function printEsps(list = espList, firmware = '/sys/firmware/efi', over = '/media'): Script {
  return sh`
(
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
read_esps() { "$@" sh -c ${printAll(list, firmware, over).text} vfleet-esps; }
why='there is no mount namespace (unshare) to mount it in'
export why
if unshare --mount --propagation private true 2>/dev/null; then why=; read_esps unshare --mount --propagation private
else read_esps env
fi
)`;
}

function printAll(list: string, firmware: string, over: string): Script {
  return sh`
${printMissing()}
print_esp() {
  if [ -e "$2/EFI/proxmox/grubx64.efi" ] || [ ! -d ${firmware} ]; then
    printf '\n### ESP %s grub ###\n' "$1"
    cat "$2/grub/grub.cfg" 2>/dev/null
    printf %s ${environmentMark}
    if [ -f "$2/grub/grubenv" ]; then cat "$2/grub/grubenv"; fi
  else
    printf '\n### ESP %s systemd-boot ###\n' "$1"
    grep -s '^[[:space:]]*default[[:space:]]' "$2/loader/loader.conf"
    for file in "$2"/loader/entries/*.conf; do
      if [ -f "$file" ]; then printf '\n### entry %s ###\n' "\${file##*/}"; cat "$file"; fi
    done
    printf '\n### missing ###\n'
    print_missing "$2"
  fi
}
unreadable() { printf '\n### ESP %s unreadable ###\nwhy %s\n' "$1" "$2"; }
# Names of processes end after 15 characters. One that is at work is done within seconds.
is_busy() {
  tries=20
  while pgrep -x 'proxmox-boot-to|zz-proxmox-boot|proxmox-boot-sy' >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ $tries -le 0 ]; then return 0; fi
    sleep 0.5
  done
  return 1
}
print_unmounted() {
  if [ -z "$why" ] && is_busy; then why='proxmox-boot-tool is at work'; fi
  if [ -n "$why" ]; then unreadable "$1" "is not mounted, and $why"
  elif mount -t vfat -o ro "UUID=$1" ${over} 2>/dev/null; then
    print_esp "$1" ${over}
    umount ${over}
  elif [ -e "/dev/disk/by-uuid/$1" ]; then unreadable "$1" 'cannot be mounted'
  else printf '\n### ESP %s absent ###\n' "$1"
  fi
}
if [ ! -r ${list} ]; then exit 0; fi
if [ ! -d ${over} ]; then why=${`there is no folder ${over} to mount it over`}; fi
# Other runs of ours wait for this.
exec 9<${list}
if command -v flock >/dev/null 2>&1 && ! flock -w 20 9; then why='another run is at work'; fi
while read -r uuid rest || [ -n "$uuid" ]; do
  case $uuid in ''|*[!0-9A-Fa-f-]*) continue ;; esac
  device=$(readlink -f "/dev/disk/by-uuid/$uuid") there=
  if [ -n "$device" ]; then there=$(findmnt -n -o TARGET "$device" 2>/dev/null | head -n 1); fi
  if [ -n "$there" ] && [ -d "$there" ]; then print_esp "$uuid" "$there"
  else print_unmounted "$uuid"
  fi
done <${list}`;
}

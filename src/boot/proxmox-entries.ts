import { type Script, sh } from '../shell/script.ts';

/** No entry of systemd-boot to be edited: the tool does it all. */
const refreshDue = 3;

/**
 * Brings the first line of `/etc/kernel/cmdline` into the entries of systemd-boot on every listed partition, one partition after
 * the other, each entry written beside, synced and renamed: `proxmox-boot-tool refresh` writes them in place (`cat >` in
 * zz-proxmox-boot), and an entry in pieces boots without `root=`. The next refresh writes the same. Where GRUB starts a partition,
 * or one has no such entry, refresh does it all; of kernels and images it copies only newer ones (`cp -u`).
 *
 * What is not mounted is mounted in a namespace that ends with the process that writes, as `printEsps` does: nothing stays
 * mounted when that is killed. Refresh mounts by itself, afterwards and elsewhere.
 */
export function writeProxmoxEntries(
  list = '/etc/kernel/proxmox-boot-uuids',
  firmware = '/sys/firmware/efi',
  cmdline = '/etc/kernel/cmdline',
  over = '/media',
): Script {
  return sh`
(
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
write_esps() { "$@" sh -c ${writeAll(list, firmware, cmdline, over).text} vfleet-esps; }
why='there is no mount namespace (unshare) to mount it in'
export why
if unshare --mount --propagation private true 2>/dev/null; then why=; write_esps unshare --mount --propagation private
else write_esps env
fi
case $? in
  0) ;;
  ${refreshDue}) proxmox-boot-tool refresh && sync ;;
  *) exit 1 ;;
esac
)`;
}

function writeAll(list: string, firmware: string, cmdline: string, over: string): Script {
  return sh`
beside=
trap '[ -z "$beside" ] || rm -f "$beside"; exit 1' HUP INT TERM PIPE
[ -d ${firmware} ] && [ -f ${cmdline} ] || exit ${refreshDue}
line=$(head -n 1 ${cmdline}) || exit 1
case $line in *root=*) ;; *) exit ${refreshDue} ;; esac
export line
write_entries() {
  [ ! -e "$1/EFI/proxmox/grubx64.efi" ] || exit ${refreshDue}
  for entry in "$1"/loader/entries/proxmox-*.conf; do
    [ -f "$entry" ] && grep -q '^options[[:space:]]' "$entry" || exit ${refreshDue}
    beside=$1/loader/entries/.\${entry##*/}.vfleet-new
    awk '$1 != "options" { print; next } !n++ { match($0, /^options[ \\t]+/); print substr($0, 1, RLENGTH) ENVIRON["line"] }' \\
      "$entry" >"$beside" || { rm -f "$beside"; exit 1; }
    if cmp -s "$beside" "$entry"; then rm -f "$beside"; continue; fi
    sync "$beside" && mv -f "$beside" "$entry" && sync "$1/loader/entries" || exit 1
    echo "wrote \${entry##*/} of ESP $2"
  done
  beside=
}
write_unmounted() {
  if [ -n "$why" ]; then echo "ESP $1 is not mounted, and $why"; exit 1; fi
  if mount -t vfat "UUID=$1" ${over} 2>/dev/null; then
    write_entries ${over} "$1"
    umount ${over}
  elif [ -e "/dev/disk/by-uuid/$1" ]; then echo "ESP $1 cannot be mounted"; exit 1
  fi
}
while read -r uuid rest || [ -n "$uuid" ]; do
  case $uuid in ''|*[!0-9A-Fa-f-]*) continue ;; esac
  device=$(readlink -f "/dev/disk/by-uuid/$uuid") there=
  if [ -n "$device" ]; then there=$(findmnt -n -o TARGET "$device" 2>/dev/null | head -n 1); fi
  if [ -n "$there" ] && [ -d "$there" ]; then write_entries "$there" "$uuid"; else write_unmounted "$uuid"; fi
done <${list}`;
}

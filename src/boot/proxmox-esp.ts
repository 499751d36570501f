import { type Script, sh } from '../shell/script.ts';
import { environmentMark, judgeGrubReadBack, problemOfLine } from './grub-read-back.ts';
import { parseLoaderEntry } from './loader-entry.ts';
import { printMissing } from './print-missing.ts';
import { defaultPattern, type MenuFile } from './systemd-menu.ts';
import type { ArgumentWish } from './wish.ts';

/** One EFI system partition of the list that proxmox-boot-tool keeps. */
export interface ProxmoxEsp {
  readonly uuid: string;
  /** Who starts it; `absent`: there is no such partition now; `unreadable`: it cannot be mounted. */
  readonly kind: 'systemd-boot' | 'grub' | 'absent' | 'unreadable';
  /** What `default` of `loader.conf` says, a pattern of names; `null`: nothing. */
  readonly chosen: string | null;
  /** `loader/entries` by name. */
  readonly entries: readonly MenuFile[];
  /** `grub/grub.cfg` and the environment block beside it, as `judgeGrubReadBack` takes them. */
  readonly config: string;
}

/**
 * Prints what each listed partition boots, and writes nothing: each is mounted read-only in a private folder, or read where
 * it is mounted already. (`proxmox-boot-tool status` mounts them writable.) Who starts a partition is told as the tool's own
 * hook does (`update_esp_func` in zz-proxmox-boot): GRUB where `EFI/proxmox/grubx64.efi` lies, or without UEFI.
 */
export function printEsps(list = '/etc/kernel/proxmox-boot-uuids', firmware = '/sys/firmware/efi'): Script {
  return sh`
(
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
own=
leave() { if [ -n "$own" ]; then umount "$own" 2>/dev/null; rmdir "$own" 2>/dev/null; own=; fi; }
trap leave EXIT
trap 'exit 129' HUP INT TERM
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
while read -r uuid rest || [ -n "$uuid" ]; do
  case $uuid in ''|*[!0-9A-Fa-f-]*) continue; esac
  device=$(readlink -f "/dev/disk/by-uuid/$uuid") there=
  if [ -n "$device" ]; then there=$(findmnt -n -o TARGET "$device" 2>/dev/null | head -n 1); fi
  if [ -n "$there" ] && [ -d "$there" ]; then print_esp "$uuid" "$there"; continue; fi
  own=$(mktemp -d) || exit
  if mount -t vfat -o ro "UUID=$uuid" "$own" 2>/dev/null; then print_esp "$uuid" "$own"
  elif [ -e "/dev/disk/by-uuid/$uuid" ]; then printf '\n### ESP %s unreadable ###\n' "$uuid"
  else printf '\n### ESP %s absent ###\n' "$uuid"
  fi
  leave
done <${list}
)`;
}

/** What `printEsps` printed. */
export function parseEsps(text: string): readonly ProxmoxEsp[] {
  const parts = text.split(/^### ESP (\S+ (?:systemd-boot|grub|absent|unreadable)) ###\n/m).slice(1);
  return parts.flatMap((head, index) => {
    if (index % 2 === 1) return [];
    const [uuid = '', kind = ''] = head.split(' ');
    const body = parts[index + 1] ?? '';
    const entries = kind === 'systemd-boot' ? entriesOf(body) : [];
    const chosen = entries.length === 0 ? null : defaultPattern(body.split('### entry ')[0] ?? '');
    return [{ uuid, kind: kind as ProxmoxEsp['kind'], chosen, entries, config: kind === 'grub' ? body : '' }];
  });
}

function entriesOf(body: string): ProxmoxEsp['entries'] {
  const [files = '', missing = ''] = body.split(/^### missing ###\n/m);
  const gone = missing.split('\n').map((line) => /^missing .*\/([^/]+)$/.exec(line)?.[1]);
  const parts = files.split(/^### entry (.*) ###\n/m).slice(1);
  return parts.flatMap((name, index) =>
    index % 2 === 0 ? [{ name, text: parts[index + 1] ?? '', ...(gone.includes(name) && { missing: true }) }] : [],
  );
}

/** What is wrong with the entries of one partition: a line for each. One that is not there boots nothing. */
export function judgeEsp({ uuid, kind, entries, config }: ProxmoxEsp, wish: ArgumentWish): readonly string[] {
  if (kind === 'absent') return [];
  if (kind === 'unreadable') return [`ESP ${uuid} cannot be mounted`];
  if (kind === 'grub') return judgeGrubReadBack(config, wish).map((problem) => `ESP ${uuid}: ${problem}`);
  const linux = entries.filter(({ text }) => /^[ \t]*linux[ \t]/m.test(text));
  if (linux.length === 0) return [`ESP ${uuid} has no boot entry with a Linux kernel`];
  return linux.flatMap(({ name, text }) => {
    const problem = problemOfLine(parseLoaderEntry(name, text, 'systemd-boot').arguments, wish);
    return problem === null ? [] : [`ESP ${uuid}: boot entry ${name} ${problem}`];
  });
}

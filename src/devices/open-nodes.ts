import { type Script, sh } from '../shell/script.ts';

/** A device node that a process has open. */
export interface OpenNode {
  readonly path: string;
  readonly pid: number;
  readonly process: string | null;
  /** Address of the PCI device that the node leads to; `null`: none, or nobody says. */
  readonly pci: string | null;
}

/** Who has what open, for people. */
export function openText({ path, pid, process }: OpenNode): string {
  return `${process ?? 'a process'} (${pid}) has ${path} open`;
}

/** `null`: it was not readable, which only root can. */
export type OpenNodes = readonly OpenNode[] | null;

/**
 * Reads which device nodes processes have open. All open files are listed, which takes long on a busy host: only for what binds
 * devices, and for `vfleet devices`. Two processes more tell to what PCI devices nodes lead, by the name that the kernel has for
 * them: the last part of a path in `/dev`. Of what has an address of SCSI or USB in its path, only tapes and generic nodes of SCSI
 * are taken, as facts tell of the others. The driver of NVIDIA has no such links, and files of its own.
 */
export const openNodesProbe: Script = sh`
[ "$(id -u)" = 0 ] && echo 'root'
ls -l /proc/[0-9]*/fd 2>/dev/null | awk '
  /\\/proc\\/[0-9]+\\/fd:$/ { n = split($0, part, "/"); pid = part[n - 1]; next }
  match($0, / -> \\/dev\\//) {
    path = substr($0, RSTART + 4)
    if (path ~ /^\\/dev\\/(null|zero|full|u?random|tty|console|ptmx|kmsg|kvm|fuse|log|rtc.*|(pts|shm|mqueue|hugepages|net)\\/.*|vhost-.*)$/) next
    if (!seen[pid, path]++) print pid, path
  }' | while read -r pid path; do
  name=
  read -r name 2>/dev/null <"/proc/$pid/comm"
  printf 'open %s %s %s\\n' "$pid" "$path" "$name"
done
ls -l /sys/dev/char /sys/dev/block 2>/dev/null |
  sed -n -e 's#^.* -> .*/\\([0-9a-f]*:[0-9a-f][0-9a-f]:[0-9a-f][0-9a-f]\\.[0-7]\\)/\\([^:]*/\\)*\\([^/]*\\)$#node \\1 \\3#p' \\
    -e 's#^.* -> .*/\\([0-9a-f]*:[0-9a-f][0-9a-f]:[0-9a-f][0-9a-f]\\.[0-7]\\)/.*/scsi_tape/\\([^/:]*\\)$#node \\1 \\2#p' \\
    -e 's#^.* -> .*/\\([0-9a-f]*:[0-9a-f][0-9a-f]:[0-9a-f][0-9a-f]\\.[0-7]\\)/.*/scsi_generic/\\([^/:]*\\)$#node \\1 \\2#p'
grep -Hs '^Device Minor' /proc/driver/nvidia/gpus/*/information`;

/** What that probe printed. */
export function parseOpenNodes(text: string): OpenNodes {
  const lines = text.split('\n');
  if (lines[0] !== 'root') return null;
  const places = new Map(lines.flatMap(placeOf));
  return lines.flatMap((line) => {
    const [, pid, path, process] = /^open (\d{1,10}) (\/dev\/\S+) ?(.*)$/.exec(line) ?? [];
    if (pid === undefined || path === undefined) return [];
    const pci = places.get(path.slice(path.lastIndexOf('/') + 1)) ?? null;
    return [{ path, pid: Number(pid), process: process || null, pci }];
  });
}

function placeOf(line: string): readonly (readonly [name: string, address: string])[] {
  const [, address, name] = /^node ([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) (\S+)$/.exec(line) ?? [];
  if (address !== undefined && name !== undefined) return [[name, address]];
  const [, gpu, minor] = /\/gpus\/([0-9a-f:.]+)\/information:Device Minor:\s*(\d+)$/i.exec(line) ?? [];
  return gpu === undefined || minor === undefined ? [] : [[`nvidia${minor}`, gpu.toLowerCase()]];
}

import { sh } from '../shell/script.ts';
import type { Facts } from './facts.ts';
import { linesOf, type Sections } from './sections.ts';

/**
 * QEMU is found by `comm` and by the executable's link: reading every `cmdline` could hang on a process whose memory is
 * locked, and a guest's process may carry another name (`-name …,process=`). virsh may hang too, so it has five seconds; asked
 * read-only and only while libvirt's socket is there.
 */
const findGuests = sh`
qemu=$(
  grep -lsE '^(qemu-system-.*|qemu-kvm|kvm)$' /proc/[0-9]*/comm
  ls -l /proc/[0-9]*/exe 2>/dev/null | grep -E -- '-> .*/(qemu-system-[^/ ]*|qemu-kvm|kvm)( \\(deleted\\))?$'
)
pids=$(printf '%s\\n' "$qemu" | sed -n 's#^.*/proc/\\([0-9]*\\)/.*#\\1#p' | sort -un)`;

/** Sets `$guests` to a line for each running guest; for the moment right before a reboot. */
export const guestsNow = sh`
${findGuests}
guests=$(for pid in $pids; do echo "qemu process $pid"; done)`;

export const guestsProbe = sh`
section guests
${findGuests}
for pid in $pids; do
  printf 'pid %s\\000' "$pid"
  cat "/proc/$pid/cmdline" 2>/dev/null
done | tr '\\000' '\\n' | awk '/^pid [0-9]+$/ { print; pid = $2 } before == "-name" { print "name " pid " " $0 } { before = $0 }'
section guests-libvirt
if command -v virsh >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1 &&
  { [ -S /run/libvirt/libvirt-sock-ro ] || [ -S /run/libvirt/virtqemud-sock-ro ] || [ -S /var/run/libvirt/libvirt-sock-ro ]; }; then
  names=$(timeout 5 virsh -r -c qemu:///system list --name 2>/dev/null) && printf 'answered\\n%s\\n' "$names"
fi
`;

/** Running guests, by process and by libvirt. */
export function parseGuests(sections: Sections): Facts['guests'] {
  const lines = linesOf(sections, 'guests');
  const pids = lines.flatMap((line) => /^pid (\d{1,10})$/.exec(line)?.[1] ?? []);
  const names = new Map(lines.flatMap((line) => namedPid(line)));
  const libvirt = linesOf(sections, 'guests-libvirt');
  return {
    qemu: pids.map((pid) => ({ pid: Number(pid), name: names.get(pid) ?? 'qemu' })),
    libvirt: libvirt[0] === 'answered' ? libvirt.slice(1).filter((name) => name.trim() !== '') : null,
  };
}

/** The value of `-name`: `web01` or `guest=web01,debug-threads=on` (qemu(1)). */
function namedPid(line: string): readonly (readonly [string, string])[] {
  const [, pid, value = ''] = /^name (\d{1,10}) (.+)$/.exec(line) ?? [];
  const name = /(?:^|,)guest=([^,]+)/.exec(value)?.[1] ?? /^[^,=]+(?=,|$)/.exec(value)?.[0];
  return pid === undefined || name === undefined ? [] : [[pid, name]];
}

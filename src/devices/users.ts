import { VfleetError } from '../errors.ts';
import type { PciDevice } from '../facts/facts.ts';
import { joinScripts, type Script, sh } from '../shell/script.ts';
import { type OpenNode, type OpenNodes, openText } from './open-nodes.ts';

/**
 * Who has devices open through VFIO: a guest opens the group's node, `/dev/vfio/GROUP`, or the device's own,
 * `/dev/vfio/devices/vfioN` (Documentation/driver-api/vfio.rst). All open files are listed once, as that is slow.
 */
export const userFunctions: Script = sh`
# Sets users to lines of a node and a process.
find_users() {
  users=$(ls -l /proc/[0-9]*/fd 2>/dev/null | awk '
    /\\/proc\\/[0-9]+\\/fd:$/ { n = split($0, part, "/"); pid = part[n - 1] }
    $NF ~ /^\\/dev\\/vfio\\/(devices\\/vfio)?[0-9]+$/ { print $NF, pid }')
}
# ADDRESS: prints the first process that has it, or its group, open.
user_of() {
  group=$(readlink "/sys/bus/pci/devices/$1/iommu_group") || group=
  nodes="/dev/vfio/\${group##*/}"
  for node in "/sys/bus/pci/devices/$1"/vfio-dev/vfio*; do nodes="$nodes /dev/vfio/devices/\${node##*/}"; done
  printf '%s\\n' "$users" | awk -v nodes=" $nodes " 'index(nodes, " " $1 " ") && $2 != "" { print $2; exit }'
}`;

/** The process that has a device, or its group, open through VFIO; `null`: none, or nobody may read that. Pure. */
export function userOf({ address, iommuGroup }: PciDevice, open: OpenNodes): OpenNode | null {
  const isIts = ({ path, pci }: OpenNode): boolean =>
    (iommuGroup !== null && path === `/dev/vfio/${iommuGroup}`) ||
    (pci === address && path.startsWith('/dev/vfio/devices/'));
  return open?.find(isIts) ?? null;
}

/**
 * Refuses to take devices from guests that have them, before anything is written. Errors: `device.held`, with device and
 * process.
 */
export function refuseUsed(devices: readonly PciDevice[], open: OpenNodes, host: string): void {
  for (const device of devices) {
    const user = userOf(device, open);
    if (user === null) continue;
    throw new VfleetError({
      code: 'device.held',
      host,
      thing: device.address,
      expected: 'that no guest has it, as it is to be given back',
      found: openText(user),
      next: 'shut the guest down, or detach the device from it; nothing was changed',
    });
  }
}

/** Of devices that a guest has: a line of address and process. Only reads. */
export function usersProbe(addresses: readonly string[]): Script {
  if (addresses.length === 0) return sh`:`;
  return joinScripts([
    userFunctions,
    sh`
find_users
for address in ${addresses}; do
  user=$(user_of "$address")
  [ -z "$user" ] || echo "$address $user"
done`,
  ]);
}

/** What `usersProbe` printed: processes by the address of the device. */
export function parseUsers(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').flatMap((line) => {
    const [, address, process] = /^(\S+) (\d{1,10})$/.exec(line) ?? [];
    return address === undefined || process === undefined ? [] : ([[address, process]] as const);
  });
  return new Map(lines);
}

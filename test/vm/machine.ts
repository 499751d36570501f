import type { Nodes } from './nodes.ts';

/** What a node says of itself, by its own tools: nothing here asks vfleet. */
export interface Machine {
  readonly commandLine: readonly string[];
  readonly bootId: string;
  readonly modules: ReadonlySet<string>;
  readonly failedUnits: string;
  readonly modulesToLoad: string | null;
  readonly vfioDevice: boolean;
  /** Devices of each IOMMU group. */
  readonly groups: readonly (readonly string[])[];
}

const script = `
cat /proc/cmdline
cat /proc/sys/kernel/random/boot_id
lsmod | awk 'NR > 1 { printf "%s ", $1 }'; echo
systemctl is-system-running --wait >/dev/null
echo "failed:$(systemctl list-units --failed --no-legend --plain | tr '\\n' ' ')"
[ -c /dev/vfio/vfio ] && echo yes || echo no
for group in /sys/kernel/iommu_groups/*; do [ -d "$group/devices" ] && echo "group $(ls "$group/devices" | tr '\\n' ' ')"; done
true`;

/** Reads a node's state. */
export async function look(nodes: Nodes, node: string): Promise<Machine> {
  const [commandLine = '', bootId = '', modules = '', failed = '', device = '', ...groups] = (
    await nodes.on(node, script)
  )
    .trimEnd()
    .split('\n');
  const file = '/etc/modules-load.d/vfio.conf';
  const text = await nodes.on(node, `if [ -e ${file} ]; then echo there; cat ${file}; fi`);
  return {
    commandLine: commandLine.trim().split(' '),
    bootId,
    modules: new Set(modules.trim().split(' ')),
    failedUnits: failed.replace('failed:', '').trim(),
    modulesToLoad: text === '' ? null : text.slice('there\n'.length),
    vfioDevice: device === 'yes',
    groups: groups.map((line) => line.replace('group ', '').trim().split(' ')),
  };
}

/** What changes on a running Debian by itself, and is no part of its configuration. */
const ownLife = ['/var/lib/systemd/timers*', '/var/lib/systemd/random-seed', '/var/lib/sudo*'];

/**
 * A digest of every file, link and folder below /etc, /boot with the ESP, /usr and /var/lib, with mode and owner. `times`:
 * also when each was last changed, which tells a rewrite with the same bytes; a boot touches some by itself.
 */
export async function digest(nodes: Nodes, node: string, { times = false } = {}): Promise<ReadonlyMap<string, string>> {
  const leave = ownLife.map((pattern) => `! -path '${pattern}'`).join(' ');
  const text = await nodes.on(
    node,
    `folders="/etc /boot /usr /var/lib"; ! [ -d /boot/efi ] || folders="$folders /boot/efi"
    sudo sh -c "cd / && find $folders -xdev ${leave} -printf '%p|%y %m %U %G ${times ? '%C@' : ''} %l\\n' | LC_ALL=C sort
      find $folders -xdev -type f ${leave} -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sed 's/^\\(.*\\)  \\(.*\\)/\\2 content|\\1/'"`,
  );
  const lines = text.trimEnd().split('\n');
  const found = new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf('|')), line.slice(line.lastIndexOf('|') + 1)]),
  );
  // Two looks that failed alike would be equal.
  if (found.size < 5000 || !found.has('/etc/fstab content'))
    throw new Error(`${node}: ${found.size} files are not all`);
  return found;
}

/** Names of what is not as it was. */
export function changed(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name))
    .sort();
}
